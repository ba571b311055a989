/** Plain files that the pages serve, imported as text (wrangler.toml, `rules`). */

declare module '*.css' {
  const text: string;
  export default text;
}
declare module '*/browser/live.js' {
  const text: string;
  export default text;
}
declare module '*.webmanifest' {
  const text: string;
  export default text;
}
declare module '*.png' {
  const bytes: ArrayBuffer;
  export default bytes;
}

declare module '*.svg' {
  const text: string;
  export default text;
}
