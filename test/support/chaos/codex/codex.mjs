#!/usr/bin/env node
/** A scripted Codex, which takes its prompts as recipes. See `recipe.mjs`. */

import { exec } from './exec.mjs';
import { serve } from './server.mjs';

const [command, ...args] = process.argv.slice(2);
if (command === 'app-server') serve((args[args.indexOf('--listen') + 1] ?? '').replace('unix://', ''));
else await exec(args);
