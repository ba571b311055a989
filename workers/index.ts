import { DurableObject } from 'cloudflare:workers';
export class RunnerMachine extends DurableObject {}
export default {
  fetch() {
    return new Response('x');
  },
};
