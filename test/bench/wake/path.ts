/** The trips from an accepted enqueue to the accepted start. */
export interface Path {
  d1: number;
  object: number;
  /** Round trips between the runner and the edge. The frame of the wake-up is half of one. */
  edge: number;
  /** True if the object was not in memory and had to be made. */
  isFresh: boolean;
}
