/** The proxy of the environment (`https_proxy` and its kin), where this Node knows how to use it. */

const LOOPBACK = 'localhost,127.0.0.1,::1';

let isSet = false;

/** Makes fetch use the proxy that the environment names. A service on this machine is always asked directly. */
export async function useProxyOfEnvironment(env: NodeJS.ProcessEnv): Promise<void> {
  const asked = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'].some((name) => env[name]);
  if (!asked || isSet) return;
  isSet = true;
  const http = await import('node:http');
  // Older Nodes have no such function: there, the proxy is left out.
  if (!('setGlobalProxyFromEnv' in http)) return;
  const direct = [env.no_proxy ?? env.NO_PROXY, LOOPBACK].filter(Boolean).join(',');
  http.setGlobalProxyFromEnv({ ...env, no_proxy: direct, NO_PROXY: direct });
}
