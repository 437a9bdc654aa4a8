/** Tests that the Kubernetes manifests fit together, fail closed, and contain a valid configuration. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import test from 'node:test'
import { loadAll } from 'js-yaml'
import { apiListenerSettings } from '../../src/api/settings.ts'
import { loadConfig } from '../../src/app/config.ts'
import { grpcSettings } from '../../src/grpc/settings.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'
import { parseRules } from '../../src/rules/parse.ts'
import { prometheusSettings } from '../../src/telemetry/settings.ts'

const folder = new URL('../../k8s/', import.meta.url)
const text = (name: string) => readFileSync(new URL(name, folder), 'utf8')

// biome-ignore lint/suspicious/noExplicitAny: the schemas of Kubernetes, Istio and Envoy Gateway are not typed here
type Manifest = any
const manifests = (name: string): Manifest[] => loadAll(text(name)) as Manifest[]

const kustomization = manifests('base/kustomization.yaml')[0]
const [deployment] = manifests('base/deployment.yaml')
const pod = deployment.spec.template.spec
const [container] = pod.containers

test('every file is YAML with a kind, or a mesh configuration', () => {
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    if (!/\.ya?ml$/.test(name) || /base\/(config|rules)\.yaml$/.test(name)) continue
    for (const manifest of manifests(name))
      assert.ok(manifest.kind !== undefined || manifest.extensionProviders !== undefined, name)
  }
})

test('the base lists exactly the files of its folder', () => {
  const listed = [
    ...kustomization.resources,
    ...kustomization.configMapGenerator.flatMap((entry: Manifest) => entry.files),
  ]
  const present = readdirSync(new URL('base/', folder)).filter(name => name !== 'kustomization.yaml')
  assert.deepEqual(listed.toSorted(), present.toSorted())
})

test('volumes refer to ConfigMaps, and mounts to volumes', () => {
  const generated = kustomization.configMapGenerator.map((entry: Manifest) => entry.name)
  for (const volume of pod.volumes) assert.ok(generated.includes(volume.configMap.name), volume.name)
  const volumes = pod.volumes.map((entry: Manifest) => entry.name)
  for (const mount of container.volumeMounts) assert.ok(volumes.includes(mount.name), mount.name)
})

test('services, probes and the network policy use ports of the container', () => {
  const ports = container.ports.map((entry: Manifest) => entry.name)
  const used = [
    ...manifests('base/services.yaml').flatMap(entry =>
      entry.spec.ports.map((port: Manifest) => port.targetPort),
    ),
    ...manifests('base/network_policy.yaml')[0].spec.ingress.flatMap((entry: Manifest) =>
      entry.ports.map((p: Manifest) => p.port),
    ),
    ...['livenessProbe', 'readinessProbe', 'startupProbe'].map(probe => container[probe].httpGet.port),
  ]
  for (const port of used) assert.ok(ports.includes(port), String(port))
})

test('the container is not root, has a read-only file system, and has time to drain', () => {
  assert.equal(pod.securityContext.runAsNonRoot, true)
  assert.equal(container.securityContext.readOnlyRootFilesystem, true)
  assert.ok(pod.terminationGracePeriodSeconds > 3 + 20 + container.lifecycle.preStop.sleep.seconds)
})

test('configuration and rules are valid, and the listeners use the ports of the container', () => {
  const files = [{ source: 'config.yaml', text: text('base/config.yaml') }]
  const { config, issues } = loadConfig({ files, env: {}, flags: new Map() }, HANDLERS)
  assert.deepEqual(issues, [])
  const listenerPorts = [grpcSettings.port, apiListenerSettings.port, prometheusSettings.port].map(port =>
    config?.get(port),
  )
  assert.deepEqual(
    listenerPorts,
    container.ports.map((entry: Manifest) => entry.containerPort),
  )
  const rules = parseRules(text('base/rules.yaml'), 'rules.yaml')
  assert.deepEqual([rules.diagnostics, rules.rules?.length], [[], 1])
})

const NAME = { 'app.kubernetes.io/name': 'credence' }

test('every selector selects the pods of the Deployment by explicit labels', () => {
  const [labels, ...more] = kustomization.labels
  assert.deepEqual([labels.pairs, labels.includeTemplates, more.length], [NAME, true, 0])
  // includeSelectors would also add the label to the peers of the NetworkPolicy, which would block all traffic.
  assert.notEqual(labels.includeSelectors, true)
  const selectors = [
    deployment.spec.selector.matchLabels,
    ...pod.topologySpreadConstraints.map((entry: Manifest) => entry.labelSelector.matchLabels),
    ...manifests('base/services.yaml').map(entry => entry.spec.selector),
    // A budget without a selector would apply to no pod.
    manifests('base/pod_disruption_budget.yaml')[0].spec.selector.matchLabels,
    manifests('base/network_policy.yaml')[0].spec.podSelector.matchLabels,
  ]
  for (const selector of selectors) assert.deepEqual(selector, NAME)
})

test('the gRPC service is headless with a port named grpc, and Envoy reaches no other port', () => {
  const [grpc] = manifests('base/services.yaml')
  assert.equal(grpc.spec.clusterIP, 'None')
  assert.deepEqual(
    grpc.spec.ports.map((port: Manifest) => port.name),
    ['grpc'],
  )
  const [policy] = manifests('base/network_policy.yaml')
  const envoyIngress = policy.spec.ingress.filter((entry: Manifest) =>
    entry.ports.some((port: Manifest) => port.port === 'grpc'),
  )
  assert.deepEqual(
    envoyIngress.map((entry: Manifest) => entry.ports.length),
    [1],
  )
})

test('a changed configuration restarts the pods; changed rules are reloaded', () => {
  const [config, rules] = kustomization.configMapGenerator
  assert.equal(config.options?.disableNameSuffixHash, undefined)
  assert.equal(rules.options.disableNameSuffixHash, true)
  const mounts = new Map<string, Manifest>(
    container.volumeMounts.map((entry: Manifest) => [entry.name, entry]),
  )
  assert.equal(mounts.get('rules').subPath, undefined, 'the kubelet does not update a subPath')
  const { repositories } = manifests('base/config.yaml')[0].access_rules
  assert.deepEqual(repositories, [`file://${mounts.get('rules').mountPath}/rules.yaml`])
})

test('the sidecar starts before Envoy, is not root, and shares its socket with Envoy', () => {
  const [{ spec }] = manifests('sidecar/pod.yaml')
  const [credence] = spec.initContainers
  const [envoy] = spec.containers
  assert.deepEqual([credence.restartPolicy, spec.securityContext.runAsNonRoot], ['Always', true])
  assert.equal(credence.securityContext.readOnlyRootFilesystem, true)
  const socket = credence.env.find((entry: Manifest) => entry.name === 'CREDENCE_SERVE_GRPC_SOCKET').value
  assert.ok(text('sidecar/pod.yaml').includes(`pipe: { path: ${socket} }`))
  const folder = (entry: Manifest) =>
    entry.volumeMounts.find((mount: Manifest) => socket.startsWith(`${mount.mountPath}/`))
  assert.equal(folder(credence).name, folder(envoy).name)
  assert.equal(
    envoy.securityContext.runAsGroup,
    spec.securityContext.fsGroup,
    'Envoy is in the group of the socket',
  )
})

test('Istio fails closed with 503 after half a second', () => {
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

test('gateways use the Service of the base and fail closed', () => {
  const [service] = manifests('base/services.yaml')
  const backend = { name: service.metadata.name, port: service.spec.ports[0].port }
  const { namespace } = kustomization
  const [policy, grant] = manifests('envoy_gateway/security_policy.yaml')
  assert.deepEqual(policy.spec.extAuth.grpc.backendRefs, [{ ...backend, namespace }])
  assert.deepEqual([grant.metadata.namespace, grant.spec.to[0].name], [namespace, backend.name])
  assert.equal(grant.spec.from[0].namespace, policy.metadata.namespace)
  const [{ envoyExtAuthzGrpc: istio }] = manifests('istio/extension_provider.yaml')[0].extensionProviders
  assert.deepEqual(
    [istio.service, istio.port],
    [`${backend.name}.${namespace}.svc.cluster.local`, backend.port],
  )
  assert.deepEqual([policy.spec.extAuth.failOpen, istio.failOpen], [false, false])
})
