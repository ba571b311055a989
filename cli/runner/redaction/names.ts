/** Which names say that their value is a secret; the same answer for variables, fields, headers and options. */

const WORDS =
  'TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PASSCODE|PASS|PWD|PW|APIKEY|KEY|CREDENTIAL|CREDENTIALS|CREDS?|BYPASS|PAT|AUTH|AUTHORIZATION|COOKIE|COOKIES|JWT|BEARER|MNEMONIC|WEBHOOK|WEBHOOK_URL|CONNECTION_STRING|CONNSTR|SALT|PEPPER|OTP';

/** As the last word of a name, or anywhere in it. `PWD` alone is a folder. */
const SECRET_NAME = new RegExp(
  `(?:^|_)(?:${WORDS})(?:S|_\\d+)?$|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PRIVATE_?KEY|API_?KEY|ACCESS_?KEY|SSHPASS|PGPASS|WEBHOOK`,
);

/** Names that only point at a secret, or measure or describe it. */
const POINTER_NAME =
  /_(?:FILE|PATH|DIR|SOCK|ASKPASS|HELPER|UR[IL]|ID|NAME|EXPIRES|EXPIRY|EXPIRATION|TTL|TYPE|LENGTH|LIMIT|COUNT|SIZE|HASH|FORMAT|PATTERN|REGEX|PREFIX|SUFFIX|FIELD|HEADER|HOST|PORT|VERSION|ALGORITHM|ENDPOINT|ISSUER|AGE|PROVIDER|STORE|INDEX)$/;

const FOLDERS = new Set(['PWD', 'OLDPWD', 'INIT_CWD']);

/** Whether a name says that its value is a secret: `DB_PASSWORD`, `clientSecret`, `x-api-key`. */
export function looksSecret(name: string): boolean {
  const words = wordsOf(name);
  if (FOLDERS.has(words)) return false;
  if (/WEBHOOK_UR[IL]$/.test(words)) return true;
  return SECRET_NAME.test(words) && !POINTER_NAME.test(words);
}

const FIELD =
  /(?:^|_)(?:PASSWORD|PASSWD|PASSPHRASE|PASSCODE|PWD|SECRET|TOKEN|CREDENTIALS?|JWT|SSHPASS|PGPASS|APIKEY|COOKIE|AUTH)(?:_\d+)?$|(?:API|ACCESS|PRIVATE|SECRET|SIGNING|ENCRYPTION|ACCOUNT|MASTER|DEPLOY|SERVICE|CLIENT|SHARED|LICENSE|STORAGE|AUTH)_?KEY(?:_\d+)?$|(?:SECRET|PASSWORD|TOKEN)_?(?:VALUE|BASE64)$/;

/** As `looksSecret`, without the words that ordinary programs give to ordinary values (`key`, `pass`, `salt`). */
export function isSecretField(name: string): boolean {
  return FIELD.test(wordsOf(name));
}

/** `clientSecret`, `client-secret` and `client.secret` as `CLIENT_SECRET`. */
function wordsOf(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .toUpperCase();
}
