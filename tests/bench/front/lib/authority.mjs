// An authority that both sides believe: a key, tokens signed with it, and the documents by which the key is found.
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose";
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";

export const tenant = "11111111-1111-4111-8111-111111111111";
export const client = "22222222-2222-4222-8222-222222222222";

export async function startAuthority() {
  const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: "bench", use: "sig", alg: "RS256" };
  const server = createServer((request, response) => {
    const root = `http://127.0.0.1:${server.address().port}`;
    const body = request.url.endsWith("openid-configuration")
      ? { issuer: `${root}/${tenant}/v2.0`, jwks_uri: `${root}/${tenant}/discovery/v2.0/keys` } : { keys: [jwk] };
    response.setHeader("Content-Type", "application/json").end(JSON.stringify(body));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const root = `http://127.0.0.1:${server.address().port}`;
  const issuer = `${root}/${tenant}/v2.0`;
  return {
    root, issuer,
    publicKey: await exportSPKI(publicKey),
    token: (person) => new SignJWT({ ver: "2.0", tid: tenant, oid: person, azp: client, scp: "access_as_user", sub: randomUUID(), name: "Ada" })
      .setProtectedHeader({ alg: "RS256", kid: "bench", typ: "JWT" }).setIssuer(issuer).setAudience(client)
      .setIssuedAt().setNotBefore("-1m").setExpirationTime("2h").sign(privateKey),
    stop: () => server.close(),
  };
}
