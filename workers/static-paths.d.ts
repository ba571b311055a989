/** `scripts/local/static-files.ts` writes this file together with the static files. */

declare module '*/static/paths.json' {
  const paths: { assets: string };
  export default paths;
}
