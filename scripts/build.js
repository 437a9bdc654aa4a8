/**
 * Bundles src/ to dist/, for the image and the package (docs/decisions/0039). What every start loads is in few files, with
 * source maps; what is loaded on demand stays in files of its own, and packages that only some configurations need stay
 * packages.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isEntryPoint, projectRoot, runMain, UserError } from './environment.js'
import { setup } from './setup.js'

/** Loaded by import() where a configuration needs them. */
const ON_DEMAND = [
  '@aws-sdk/*',
  '@azure/*',
  '@google-cloud/*',
  '@grpc/*',
  '@opentelemetry/exporter-metrics-otlp-proto',
  '@opentelemetry/exporter-trace-otlp-proto',
  '@opentelemetry/exporter-zipkin',
  '@opentelemetry/propagator-b3',
  '@opentelemetry/propagator-jaeger',
  '@opentelemetry/sdk-node',
  '@ory/client',
  'jose',
  'pino-pretty',
  'redis',
]

/** Packages of CommonJS call require for Node's own modules. */
const REQUIRE =
  "import { createRequire as createRequireOfNode } from 'node:module'; const require = createRequireOfNode(import.meta.url);"

/** Resolves to the names of the packages that the files in `folder` contain. Rejects where a module is missing or invalid. */
export async function bundle(folder) {
  const { build } = await import('esbuild')
  const { metafile } = await build({
    entryPoints: [join(projectRoot, 'src', 'main.ts')],
    outdir: folder,
    absWorkingDir: projectRoot,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // Nothing is minified: stack traces name functions. `node --enable-source-maps` makes them name the sources, too.
    sourcemap: 'linked',
    external: ON_DEMAND,
    banner: { js: REQUIRE },
    logLevel: 'warning',
    metafile: true,
  })
  const licenses = new Map()
  for (const file of Object.keys(metafile.inputs)) {
    const [path, name] = PACKAGE.exec(file) ?? []
    if (name !== undefined && !licenses.has(name)) licenses.set(name, licenseOf(resolve(projectRoot, path)))
  }
  const names = [...licenses.keys()].sort()
  writeFileSync(
    join(folder, 'LICENSES.txt'),
    names.map(name => `## ${name}\n\n${licenses.get(name)}`).join('\n\n'),
  )
  return names
}

const PACKAGE = /^.*node_modules\/((?:@[^/]+\/)?[^/]+)/

/** Every license of a bundled package demands that copies contain its text. */
function licenseOf(folder) {
  const file = readdirSync(folder).find(name => /^licen[cs]e/i.test(name))
  if (file === undefined) throw new UserError(`${folder} has no license file, so it must not be bundled.`)
  return readFileSync(join(folder, file), 'utf8').trim()
}

if (isEntryPoint(import.meta.url)) {
  await runMain(async () => {
    setup()
    const folder = join(projectRoot, 'dist')
    rmSync(folder, { recursive: true, force: true })
    await bundle(folder)
  })
}
