/** Commands, flags, help and exit codes. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { SETTINGS } from '../../src/app/settings.ts'
import { runCli } from '../../src/cli/program.ts'
import { flagName, variableName } from '../../src/config/setting.ts'

const folder = mkdtempSync(join(tmpdir(), 'credence-program-'))
after(() => rmSync(folder, { recursive: true }))

async function runCredence(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  let out = ''
  let err = ''
  const code = await runCli(args, {
    out: text => {
      out += text
    },
    err: text => {
      err += text
    },
    env,
  })
  return { code, out, err }
}

const writeConfigFile = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

for (const command of ['serve', 'validate'] as const) {
  test(`${command} --help-all shows each of Credence's settings as flag and variable, and no flag for a secret`, async () => {
    const { code, out } = await runCredence([command, '--help-all'])
    assert.equal(code, 0)
    for (const setting of SETTINGS.filter(one => one.credenceOnly)) {
      // `validate --strict` counts warnings as errors, too.
      if (command === 'validate' && setting.path === 'strict') continue
      const flag = flagName(setting)
      const written = `--${setting.path.replace(/[._]/g, '-')}`
      const line = out.split('\n').find(one => one.trim().startsWith(`${written} `))
      assert.equal(flag, setting.secret ? undefined : written)
      if (setting.secret) assert.equal(line, undefined, setting.path)
      else assert.ok(line?.includes(variableName(setting)), setting.path)
    }
    assert.doesNotMatch(out, /default: \[\]|default *\)|, default\)/)
  })
}

for (const command of [[], ['serve'], ['validate'], ['tail'], ['status'], ['revoke']]) {
  test(`credence ${command.join(' ')} --help fits a screen of 24 lines and 80 columns`, async () => {
    const { code, out } = await runCredence([...command, '--help'])
    const lines = out.trimEnd().split('\n')
    assert.equal(code, 0)
    assert.ok(lines.length <= 24, `${lines.length} lines`)
    for (const line of lines) assert.ok(line.length <= 80, line)
  })
}

test('a closed pipe ends a command quietly', () => {
  const launcher = new URL('../../bin/credence.js', import.meta.url).pathname
  const rules = writeConfigFile('many.yaml', '- {}\n'.repeat(5_000))
  const pipe = `"${process.execPath}" "${launcher}" validate "${rules}" | head -1`
  const { stdout, stderr } = spawnSync('sh', ['-c', pipe], { encoding: 'utf8' })
  assert.equal(stdout.split('\n').length, 2)
  assert.equal(stderr, '')
})

test('a secret on the command line is an unknown option', async () => {
  const { code, err } = await runCredence(['validate', '--sessions-redis-password', 'x'])
  assert.equal(code, 2)
  assert.match(err, /unknown option '--sessions-redis-password'/)
})

test('--help explains the exit codes, --version prints the version only', async () => {
  const { code, out } = await runCredence(['--help'])
  assert.equal(code, 0)
  assert.match(out, /serve --config[\s\S]*Exit codes/)
  assert.match((await runCredence(['--version'])).out, /^\d+\.\d+\.\d+\n$/)
})

test('a misspelt command or flag exits with 2 and suggests the right one', async () => {
  const command = await runCredence(['sevre'])
  assert.equal(command.code, 2)
  assert.match(command.err, /unknown command 'sevre'[\s\S]*Did you mean serve\?/)
  const flag = await runCredence(['serve', '--serve-grpc-prot', '1'])
  assert.equal(flag.code, 2)
  assert.match(flag.err, /Did you mean --serve-grpc-port\?/)
})

test('arguments after --config FILE are rule files; --config can be repeated', async () => {
  const one = writeConfigFile('one.yaml', 'access_rules: { repositories: [] }')
  const two = writeConfigFile('two.yaml', 'log: { level: loud }')
  const rules = writeConfigFile('rules.yaml', '- id: x')
  const { code, out } = await runCredence(['validate', '--config', one, rules])
  assert.equal(code, 1)
  assert.match(out, /rules\.yaml:1:\d+: error: /)
  assert.match(
    (await runCredence(['validate', '-c', one, '-c', two])).out,
    /two\.yaml:1:\d+: error: log\.level/,
  )
})

test('a flag with an invalid value and an unknown variable are reported', async () => {
  const flag = await runCredence(['validate', '--serve-grpc-port', '99999'])
  assert.deepEqual(
    [flag.code, flag.out.split('\n')[0]],
    [1, 'command line: error: --serve-grpc-port: must be a whole number from 0 to 65535'],
  )
  const variable = await runCredence(['validate', '-c', writeConfigFile('none.yaml', '')], {
    CREDENCE_SERVE_GRPC_PRT: '1',
  })
  assert.match(
    variable.out,
    /CREDENCE_SERVE_GRPC_PRT: unknown variable \(did you mean CREDENCE_SERVE_GRPC_PORT\?\)/,
  )
})

test('validate without anything to check exits with 2', async () => {
  const nothing = await runCredence(['validate'])
  assert.equal(nothing.code, 2)
  assert.match(nothing.err, /nothing to check; give a configuration with --config FILE, or rule files/)
})

test('a configuration without rules gets a warning', async () => {
  const { code, out } = await runCredence([
    'validate',
    '-c',
    writeConfigFile('ruleless.yaml', 'log: { level: info }'),
  ])
  assert.equal(code, 0)
  assert.match(out, /ruleless\.yaml: warning: access_rules\.repositories: there are no rules: .*404/)
})
