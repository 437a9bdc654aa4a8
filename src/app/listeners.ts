/** Opens the listeners for Envoy, the api and Prometheus. */
import { apiListenAddress, apiListenerSettings } from '../api/settings.ts'
import {
  AUTHORIZATION_SERVICE,
  CHECK_METHOD,
  type CheckDependencies,
  createCheckHandler,
} from '../envoy/check.ts'
import { startGrpcServer } from '../grpc/engines.ts'
import { createHealth, type HealthPublisher } from '../grpc/health.ts'
import { grpcEngineName, grpcListenOptions, grpcSettings } from '../grpc/settings.ts'
import type { TlsIdentity } from '../http/tls.ts'
import type { Clock } from '../lib/time.ts'
import { pathMode } from '../rules/settings.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { prometheusListenAddress, prometheusSettings } from '../telemetry/settings.ts'
import { type ApiDependencies, startApiListener } from './api.ts'
import type { Config } from './config.ts'
import { logTlsRenewal } from './events.ts'
import { listenOrExplain } from './listen.ts'
import type { Shutdown } from './shutdown.ts'
import { openListenerTls } from './tls.ts'

/** Maximum wait for Checks in flight when stopping. */
const DRAIN_TIMEOUT_MS = 20_000

export interface ListenersDependencies
  extends Omit<ApiDependencies, 'settings' | 'tls'>,
    Pick<CheckDependencies, 'withSpan' | 'showSubject'> {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly health: HealthPublisher
  readonly shutdown: Shutdown
}

/** Addresses as `host:port`, or the path of a socket. */
export interface ListenerAddresses {
  readonly grpc: string
  readonly api: string
  readonly prometheus: string
}

/** The health service of gRPC, for Envoy's health checks. */
export const createGrpcHealth = (ready: () => boolean): HealthPublisher =>
  createHealth(ready, [AUTHORIZATION_SERVICE])

/** Rejects with `StartupError` where a certificate cannot be used or an address cannot be listened on. */
export async function startListeners(dependencies: ListenersDependencies): Promise<ListenerAddresses> {
  const { config, metrics } = dependencies
  const api = await startApi(dependencies)
  const grpc = await startGrpc(dependencies)
  const prometheus = await listenOrExplain(
    {
      peer: 'Prometheus',
      address: prometheusListenAddress(config),
      portSetting: prometheusSettings.port,
      hostSetting: prometheusSettings.host,
    },
    metrics.listen,
  )
  return { grpc, api, prometheus }
}

async function startApi(dependencies: ListenersDependencies): Promise<string> {
  const { config, shutdown } = dependencies
  const tls = await openTls(dependencies, 'api')
  const api = await listenOrExplain(
    {
      peer: 'the api',
      address: apiListenAddress(config),
      portSetting: apiListenerSettings.port,
      hostSetting: apiListenerSettings.host,
    },
    () => startApiListener({ ...dependencies, settings: config, tls }),
  )
  shutdown.onClose(() => api.close())
  return api.address
}

async function startGrpc(dependencies: ListenersDependencies): Promise<string> {
  const { config, clock, health, onError, shutdown } = dependencies
  const listen = grpcListenOptions(config)
  const tls = await openTls(dependencies, 'grpc')
  const check = createCheckHandler({
    snapshot: dependencies.snapshot,
    onDecision: dependencies.onDecision,
    overload: dependencies.overload,
    onError,
    now: clock.now,
    paths: pathMode(config),
    withSpan: dependencies.withSpan,
    showSubject: dependencies.showSubject,
  })
  const server = await listenOrExplain(
    {
      peer: 'Envoy',
      address: listen,
      portSetting: 'socket' in listen ? grpcSettings.socket : grpcSettings.port,
      hostSetting: grpcSettings.host,
    },
    () =>
      startGrpcServer(grpcEngineName(config), {
        methods: new Map([[CHECK_METHOD, check]]),
        health,
        listen,
        tls,
        maxConnections: config.get(grpcSettings.maxConnections),
        onError: error => onError('grpc', error),
        now: clock.now,
        wall: clock.wall,
      }),
  )
  shutdown.onClose(() => server.drain(DRAIN_TIMEOUT_MS))
  return server.address
}

async function openTls(
  { config, log, shutdown }: ListenersDependencies,
  server: 'api' | 'grpc',
): Promise<TlsIdentity | undefined> {
  const tls = await openListenerTls(config, server, renewal => logTlsRenewal(log, server, renewal))
  shutdown.onClose(() => tls?.close())
  return tls
}
