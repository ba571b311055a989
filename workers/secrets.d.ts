/** The secrets that an operator may set with `wrangler secret put`. The generated types know only what wrangler.toml names. */
interface __BaseEnv_Env {
  /** The token of the monitoring system that reads `/metrics`. */
  METRICS_TOKEN?: string;
}
