// A real OpenID provider for the test: `node provider.mjs PORT CLIENT SECRET PUBLIC_URL ACCOUNTS`, the last a JSON object of claims by account. Its keys
// are new at every start. It says `ready` once it listens. The account `wrong-audience` gets a token for somebody else.
import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, importJWK, SignJWT } from 'jose';
import Provider from 'oidc-provider';

const [port, client, secret, publicUrl, accounts] = process.argv.slice(2);
const known = JSON.parse(accounts);
const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  clients: [{
    client_id: client,
    client_secret: secret,
    redirect_uris: [`${publicUrl}/sign-in/callback`],
    post_logout_redirect_uris: [`${publicUrl}/sign-in`],
    grant_types: ['authorization_code'],
    response_types: ['code'],
  }],
  jwks: { keys: [{ ...key, use: 'sig', alg: 'RS256' }] },
  pkce: { methods: ['S256'], required: () => true },
  claims: { openid: ['sub', 'roles', 'organisation'] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id, ...known[id] }) }),
  cookies: { keys: ['only a test'] },
});

provider.use(async (ctx, next) => {
  await next();
  if (ctx.path !== '/token' || !ctx.body?.id_token) return;
  const claims = decodeJwt(ctx.body.id_token);
  if (claims.sub !== 'wrong-audience') return;
  const header = decodeProtectedHeader(ctx.body.id_token);
  ctx.body.id_token = await new SignJWT({ ...claims, aud: 'somebody-else' }).setProtectedHeader(header).sign(await importJWK(key, 'RS256'));
});

provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
