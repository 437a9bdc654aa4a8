import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import test from 'node:test'
import { loadAll } from 'js-yaml'
import { loadConfig } from '../../src/app/config.ts'
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
  assert.deepEqual([rules.diagnostics, rules.rules?.length], [[], 1])
})

const NAME = { 'app.kubernetes.io/name': 'credence' }

test('everything selects the pods of the Deployment, by labels that are written out', () => {
  const [labels, ...more] = kustomization.labels
  assert.deepEqual([labels.pairs, labels.includeTemplates, more.length], [NAME, true, 0])
  // It would add the label to the peers of a NetworkPolicy, too, and nobody would be let in.
  assert.notEqual(labels.includeSelectors, true)
  const selectors = [
    deployment.spec.selector.matchLabels,
    ...pod.topologySpreadConstraints.map((one: Manifest) => one.labelSelector.matchLabels),
    ...manifests('base/services.yaml').map(one => one.spec.selector),
    // Without one a budget is nobody's.
    manifests('base/pod_disruption_budget.yaml')[0].spec.selector.matchLabels,
    manifests('base/network_policy.yaml')[0].spec.podSelector.matchLabels,
  ]
  for (const selector of selectors) assert.deepEqual(selector, NAME)
})

test('Envoy finds every pod by itself, and reaches no other port; a port for gRPC says so by its name', () => {
  const [grpc] = manifests('base/services.yaml')
  assert.equal(grpc.spec.clusterIP, 'None')
  assert.deepEqual(
    grpc.spec.ports.map((port: Manifest) => port.name),
    ['grpc'],
  )
  const [policy] = manifests('base/network_policy.yaml')
  const ofEnvoy = policy.spec.ingress.filter((one: Manifest) =>
    one.ports.some((port: Manifest) => port.port === 'grpc'),
  )
  assert.deepEqual(
    ofEnvoy.map((one: Manifest) => one.ports.length),
    [1],
  )
})

test('configuration rolls the pods, rules do not and are read as they change', () => {
  const [config, rules] = kustomization.configMapGenerator
  assert.equal(config.options?.disableNameSuffixHash, undefined)
  assert.equal(rules.options.disableNameSuffixHash, true)
  const mounts = new Map<string, Manifest>(container.volumeMounts.map((one: Manifest) => [one.name, one]))
  assert.equal(mounts.get('rules').subPath, undefined, 'the kubelet never renews a subPath')
  const { repositories } = manifests('base/config.yaml')[0].access_rules
  assert.deepEqual(repositories, [`file://${mounts.get('rules').mountPath}/rules.yaml`])
})

test('the sidecar starts before Envoy, is no root, and speaks where Envoy listens', () => {
  const [{ spec }] = manifests('sidecar/pod.yaml')
  const [credence] = spec.initContainers
  const [envoy] = spec.containers
  assert.deepEqual([credence.restartPolicy, spec.securityContext.runAsNonRoot], ['Always', true])
  assert.equal(credence.securityContext.readOnlyRootFilesystem, true)
  const socket = credence.env.find((one: Manifest) => one.name === 'CREDENCE_SERVE_GRPC_SOCKET').value
  assert.ok(text('sidecar/pod.yaml').includes(`pipe: { path: ${socket} }`))
  const folder = (one: Manifest) =>
    one.volumeMounts.find((mount: Manifest) => socket.startsWith(`${mount.mountPath}/`))
  assert.equal(folder(credence).name, folder(envoy).name)
  assert.equal(envoy.securityContext.runAsGroup, spec.securityContext.fsGroup, 'the socket is for its group')
})

test('Istio fails closed, in time, and says 503', () => {
  const [mesh] = manifests('istio/extension_provider.yaml')
  const [policy] = manifests('istio/authorization_policy.yaml')
  const provider = mesh.extensionProviders[0]
  const { service, port, timeout, failOpen, statusOnError } = provider.envoyExtAuthzGrpc
  assert.deepEqual([timeout, failOpen, statusOnError], ['0.5s', false, '503'])
  const [grpc] = manifests('base/services.yaml')
  assert.equal(service, `${grpc.metadata.name}.${kustomization.namespace}.svc.cluster.local`)
  assert.equal(port, grpc.spec.ports[0].port)
  assert.deepEqual([policy.spec.action, policy.spec.provider.name], ['CUSTOM', provider.name])
})

test('gateways name the Service of the base, with its port, and never fail open', () => {
  const [service] = manifests('base/services.yaml')
  const at = { name: service.metadata.name, port: service.spec.ports[0].port }
  const { namespace } = kustomization
  const [policy, grant] = manifests('envoy_gateway/security_policy.yaml')
  assert.deepEqual(policy.spec.extAuth.grpc.backendRefs, [{ ...at, namespace }])
  assert.deepEqual([grant.metadata.namespace, grant.spec.to[0].name], [namespace, at.name])
  assert.equal(grant.spec.from[0].namespace, policy.metadata.namespace)
  const [{ envoyExtAuthzGrpc: istio }] = manifests('istio/extension_provider.yaml')[0].extensionProviders
  assert.deepEqual([istio.service, istio.port], [`${at.name}.${namespace}.svc.cluster.local`, at.port])
  assert.deepEqual([policy.spec.extAuth.failOpen, istio.failOpen], [false, false])
})
