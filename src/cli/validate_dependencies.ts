/** Builds the parts of the service that `validate` needs, without starting a listener. */

import { compileRuleSet, UNTRACED } from '../app/ruleset.ts'
import { createClients, createServices } from '../app/services.ts'
import { HANDLERS } from '../handlers/registry.ts'
import type { Clock } from '../lib/time.ts'
import type { ValidateDependencies } from './validate.ts'

/** Makes no calls except to remote rule repositories. `close` ends their connections. */
export function createValidateDependencies(clock: Clock, env: NodeJS.ProcessEnv = process.env) {
  const { send, fetch, close } = createClients({ clock, env })
  const dependencies: ValidateDependencies = {
    handlers: HANDLERS,
    fetch,
    directory: process.cwd(),
    compile: async (config, rules) => {
      const { services } = createServices({ config, send, fetch, clock, onKeyProblem: () => {} })
      const { diagnostics, lint } = await compileRuleSet(config, rules, services, UNTRACED, '')
      return [...diagnostics, ...(await lint())]
    },
  }
  return { dependencies, close }
}
