import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import test from 'node:test'
import { loadAll } from 'js-yaml'
import { loadConfig } from '../../src/config.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'
import { parseRules } from '../../src/rules/parse.ts'

const folder = new URL('../../k8s/', import.meta.url)
const text = (name: string) => readFileSync(new URL(name, folder), 'utf8')

// biome-ignore lint/suspicious/noExplicitAny: manifests of others' schemas, looked into by path
type Manifest = any
const manifests = (name: string): Manifest[] => loadAll(text(name)) as Manifest[]

const kustomization = manifests('base/kustomization.yaml')[0]
const [deployment] = manifests('base/deployment.yaml')
const pod = deployment.spec.template.spec
const [container] = pod.containers

test('every file is YAML with a kind, or what the mesh configuration takes', () => {
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    if (!/\.ya?ml$/.test(name) || /base\/(config|rules)\.yaml$/.test(name)) continue
    for (const one of manifests(name))
      assert.ok(one.kind !== undefined || one.extensionProviders !== undefined, name)
  }
})

test('the base lists the files that are there, and nothing else', () => {
  const listed = [
    ...kustomization.resources,
    ...kustomization.configMapGenerator.flatMap((one: Manifest) => one.files),
  ]
  const there = readdirSync(new URL('base/', folder)).filter(name => name !== 'kustomization.yaml')
  assert.deepEqual(listed.toSorted(), there.toSorted())
})

test('volumes, ConfigMaps and mounts name one another', () => {
  const made = kustomization.configMapGenerator.map((one: Manifest) => one.name)
  for (const volume of pod.volumes) assert.ok(made.includes(volume.configMap.name), volume.name)
  const volumes = pod.volumes.map((one: Manifest) => one.name)
  for (const mount of container.volumeMounts) assert.ok(volumes.includes(mount.name), mount.name)
})

test('services, probes and the policy name ports of the container', () => {
  const ports = container.ports.map((one: Manifest) => one.name)
  const named = [
    ...manifests('base/services.yaml').flatMap(one =>
      one.spec.ports.map((port: Manifest) => port.targetPort),
    ),
    ...manifests('base/network_policy.yaml')[0].spec.ingress.flatMap((one: Manifest) =>
      one.ports.map((p: Manifest) => p.port),
    ),
    ...['livenessProbe', 'readinessProbe', 'startupProbe'].map(probe => container[probe].httpGet.port),
  ]
  for (const port of named) assert.ok(ports.includes(port), String(port))
})

test('the container is neither root nor able to write, and has time to drain', () => {
  assert.equal(pod.securityContext.runAsNonRoot, true)
  assert.equal(container.securityContext.readOnlyRootFilesystem, true)
  assert.ok(pod.terminationGracePeriodSeconds > 20 + container.lifecycle.preStop.sleep.seconds)
})

test('the configuration and the rules inside are accepted, and listen on the ports of the container', () => {
  const files = [{ source: 'config.yaml', text: text('base/config.yaml') }]
  const { config, issues } = loadConfig({ files, env: {}, flags: new Map() }, HANDLERS)
  assert.deepEqual(issues, [])
  const listened = ['serve.grpc.port', 'serve.api.port', 'serve.prometheus.port'].map(path =>
    config?.number(path),
  )
  assert.deepEqual(
    listened,
    container.ports.map((one: Manifest) => one.containerPort),
  )
  const rules = parseRules(text('base/rules.yaml'), 'rules.yaml')
  assert.deepEqual([rules.issues, rules.rules?.length], [[], 1])
})
