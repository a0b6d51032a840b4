"""A small OpenID Connect issuer that does as a test says, and a browser that follows it. Keys and signatures by the openssl command."""
import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import secrets
import subprocess
import threading
import time
import urllib.parse

from certificates import openssl
from daemon import Reply


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class SigningKey:
    def __init__(self, directory, name):
        self.name, self.file = name, os.path.join(directory, f"{name}.key")
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.file)

    def jwk(self):
        modulus = bytes.fromhex(openssl("rsa", "-in", self.file, "-noout", "-modulus").strip().split("=")[1])
        return {"kty": "RSA", "use": "sig", "kid": self.name, "n": base64url(modulus), "e": "AQAB"}

    def token(self, claims, **header):
        text = ".".join(base64url(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": self.name, **header}, claims))
        done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.file], input=text.encode(), capture_output=True, check=True)
        return f"{text}.{base64url(done.stdout)}"


class Issuer:
    """Whoever comes is `subject`, at once. `claims` go into the ID token beside the usual, and replace them; `more` are told at userinfo; `roles` by
    the API of roles: (organisation, subject) -> codes."""

    def __init__(self, directory, client="resultsd", secret="a secret"):
        self.directory, self.client, self.secret = directory, client, secret
        self.keys = [SigningKey(directory, "key1")]
        self.subject, self.claims, self.more, self.roles = "ada@example.org", {}, None, {}
        self.now = time.time
        self.codes, self.grants, self.asked = {}, {}, []
        self.port = self.server = None

    def start(self, port=0):
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                issuer.answer(self, urllib.parse.urlsplit(self.path), {})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                issuer.answer(self, urllib.parse.urlsplit(self.path), dict(urllib.parse.parse_qsl(body)))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def rotate(self):
        self.keys = [SigningKey(self.directory, f"key{int(self.keys[0].name[3:]) + 1}")]

    def answer(self, handler, target, form):
        self.asked.append(target.path)
        query = dict(urllib.parse.parse_qsl(target.query))
        if target.path == "/auth":
            code = secrets.token_urlsafe(16)
            self.codes[code] = query
            back = urllib.parse.urlencode({"code": code, "state": query["state"], "iss": self.url})
            return self.reply(handler, 302, {}, Location=f"{query['redirect_uri']}?{back}")
        found = {"/.well-known/openid-configuration": lambda: self.description(), "/keys": lambda: {"keys": [key.jwk() for key in self.keys]},
                 "/token": lambda: self.tokens(handler, form), "/me": lambda: {"sub": self.subject, **(self.more or {})}}.get(target.path)
        body = found() if found else self.roles_of(handler, target.path)
        status = 400 if isinstance(body, dict) and "error" in body else 404 if body is None else 200
        return self.reply(handler, status, body or {})

    @staticmethod
    def reply(handler, status, body, **headers):
        data = json.dumps(body).encode()
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    def description(self):
        return {"issuer": self.url, "authorization_endpoint": f"{self.url}/auth", "token_endpoint": f"{self.url}/token", "jwks_uri": f"{self.url}/keys",
                "end_session_endpoint": f"{self.url}/end", **({"userinfo_endpoint": f"{self.url}/me"} if self.more is not None else {})}

    def tokens(self, handler, form):
        asked = self.codes.pop(form.get("code"), None)
        credentials = base64.b64encode(f"{self.client}:{urllib.parse.quote(self.secret)}".encode()).decode()
        if handler.headers["Authorization"] != f"Basic {credentials}":
            return {"error": "invalid_client"}
        challenge = base64url(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if not asked or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return {"error": "invalid_grant"}
        now = int(self.now())
        claims = {"iss": self.url, "aud": self.client, "sub": self.subject, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.claims}
        return {"token_type": "Bearer", "access_token": "opaque", "id_token": self.keys[0].token({name: value for name, value in claims.items() if value is not None})}

    def roles_of(self, handler, path):
        """The API of roles, as DfE Sign-in has it."""
        found = re.fullmatch(rf"/services/{self.client}/organisations/([^/]+)/users/([^/]+)", path)
        if not found:
            return None
        head, body, signature = handler.headers["Authorization"].removeprefix("Bearer ").split(".")
        said = json.loads(base64.urlsafe_b64decode(body + "=="))
        right = base64url(hmac.new(b"api secret", f"{head}.{body}".encode(), hashlib.sha256).digest())
        if signature != right or said["iss"] != self.client or said["aud"] != "signin.education.gov.uk":
            return None
        codes = self.roles.get((found[1], urllib.parse.unquote(found[2])))
        return None if codes is None else {"roles": [{"code": code, "status": {"id": 1}} for code in codes] + [{"code": "off", "status": {"id": 0}}]}

    def system_token(self, **claims):
        now = int(self.now())
        return self.keys[0].token({"iss": self.url, "aud": "resultsd-api", "sub": "mis", "client_id": "northgate-mis", "iat": now, "exp": now + 300, **claims})


class Browser:
    """Keeps cookies of one server, as a browser on that machine does."""

    def __init__(self, port):
        self.port, self.cookies = port, {}

    def ask(self, method, target, body=None, headers=None, port=None):
        given = {"Accept": "text/html", **({"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}),
                 **(headers or {})}
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        try:
            connection.request(method, target, body, given)
            reply = Reply(connection.getresponse())
        finally:
            connection.close()
        for line in reply.headers.get_all("Set-Cookie", []):
            name, value = line.split(";")[0].split("=", 1)
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return reply

    def form(self, target, **fields):
        return self.ask("POST", target, urllib.parse.urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded",
                                                                         "Origin": f"http://127.0.0.1:{self.port}"})

    def to_issuer(self, target="/sign-in/start"):
        """The way to the issuer: where it sends the browser back to."""
        reply = self.ask("GET", target)
        assert reply.status == 303, (reply.status, reply.body)
        there = urllib.parse.urlsplit(reply.headers["Location"])
        back = Browser(there.port).ask("GET", f"{there.path}?{there.query}")
        assert back.status == 302, back.body
        home = urllib.parse.urlsplit(back.headers["Location"])
        return f"{home.path}?{home.query}"

    def sign_in(self):
        return self.ask("GET", self.to_issuer())

    def session(self, port=None):
        return self.ask("GET", "/v1/session", headers={"Accept": "application/json"}, port=port)
