import { expect, it } from 'vitest';
import { agentEnvironment } from '../../../cli/agents/agent-environment.ts';

it('an agent inherits what people set up for it', () => {
  const env = {
    PATH: '/usr/bin',
    HOME: '/home/mira',
    LANG: 'en_GB.UTF-8',
    SSH_AUTH_SOCK: '/run/ssh',
    GIT_SSH_COMMAND: 'ssh -i key',
    HTTPS_PROXY: 'http://proxy:3128',
    CODEX_HOME: '/home/mira/.codex',
    CODEX_API_KEY: 'key',
    OPENAI_API_KEY: 'key',
    npm_config_registry: 'http://registry',
    NODE_EXTRA_CA_CERTS: '/etc/ca.pem',
  };

  expect(agentEnvironment(env, '/work')).toEqual({ ...env, PWD: '/work' });
});

it.each([
  'ORP_PASSWORD',
  'ORP_TOKEN',
  'ORP_AGENT_RUN',
  'GIT_DIR',
  'GIT_INDEX_FILE',
  'npm_lifecycle_event',
  'npm_package_name',
  'INIT_CWD',
  'NODE_OPTIONS',
  'NODE_CHANNEL_FD',
  'CODEX_SANDBOX',
  'CODEX_SANDBOX_NETWORK_DISABLED',
  'CODEX_THREAD_ID',
  'CLAUDECODE',
  'NOTIFY_SOCKET',
  'OLDPWD',
])('an agent does not inherit %s, which belongs to the runner or to where it was started', (name) => {
  expect(agentEnvironment({ [name]: 'x', PWD: '/elsewhere' }, '/work')).toEqual({ PWD: '/work' });
});
