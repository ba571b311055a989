/** The icons of the tabs. They are drawn with lines of one width in the color of the text. */

const PATHS = {
  inbox: 'M3 13h5l1.5 3h5L16 13h5M5.5 5h13L21 13v6H3v-6z',
  send: 'M21 3 10 14M21 3l-7 18-4-7-7-4z',
  jobs: 'M8 6h13M8 12h13M8 18h13M3.5 6h.01M3.5 12h.01M3.5 18h.01',
  ideas: 'M9 18h6M10 21h4M12 3a6 6 0 0 0-4 10.5c.8.8 1 1.500 1 2.500h6c0-1 .2-1.700 1-2.500A6 6 0 0 0 12 3z',
  console: 'M3 4h18v16H3zM7 9l3 3-3 3M13 15h4',
  settings:
    'M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM19 12l2-1-1-3-2.300.300L16 6.500 16 4h-3l-1-1-1 1H8v2.500L6.300 8.300 4 8l-1 3 2 1-2 1 1 3 2.300-.300L8 17.500V20h3l1 1 1-1h3v-2.500l1.700-1.800L20 16l1-3z',
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
