"""An authority of a test's own, and certificates by it, made with the openssl command."""
import os
import ssl
import subprocess

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
RSA = ("-newkey", "rsa:2048")


def openssl(*arguments, **more):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Authority:
    """Its own certificate is `file`; what it issues stands beside it."""

    def __init__(self, directory, name="authority"):
        self.directory, self.name = directory, name
        self.file, self.key = self.path(f"{name}.pem"), self.path(f"{name}.key")
        openssl("req", "-x509", *EC, "-nodes", "-keyout", self.key, "-out", self.file, "-days", "30", "-subj", f"/CN={name}")

    def path(self, name):
        return os.path.join(self.directory, name)

    def issue(self, name, names="DNS:localhost,IP:127.0.0.1", days=30, kind=EC):
        """Makes NAME.pem and NAME.key, and returns both paths. `days`: until it ends, from now; negative: it has ended."""
        certificate, key, request, more = (self.path(f"{name}.{what}") for what in ("pem", "key", "csr", "ext"))
        openssl("req", "-new", *kind, "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        with open(more, "w", encoding="ascii") as file:
            file.write(f"subjectAltName={names}\n")
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-CAcreateserial", "-days", days, "-extfile", more,
                "-out", certificate)
        return certificate, key

    def trust(self, **settings):
        """An ssl.SSLContext of a client that trusts this authority alone, with these attributes."""
        context = ssl.create_default_context(cafile=self.file)
        for attribute, value in settings.items():
            setattr(context, attribute, value)
        return context


def serial_of(certificate):
    return openssl("x509", "-in", certificate, "-noout", "-serial").strip().split("=")[1]
