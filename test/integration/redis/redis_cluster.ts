/** Starts a real Redis Cluster of three masters on loopback, and moves slots and primaries in it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../../demo/ports.ts'
import type { RedisHost, RedisServer } from './redis_server.ts'

export interface RedisCluster {
  /** The three masters at the start, in the order of their slots. */
  readonly nodes: readonly [RedisServer, RedisServer, RedisServer]
  /** Adds a replica of a master and waits until it has the data. */
  addReplica(master: RedisServer): Promise<RedisServer>
  /** The node that served the key at the start. */
  masterOf(key: string): Promise<RedisServer>
  /** Moves the slot of a key with its data, key by key, as `redis-cli --cluster reshard` does. `during` runs while it is half moved. */
  moveSlot(key: string, to: RedisServer, during?: () => Promise<void>): Promise<void>
}

const LOOPBACK = '127.0.0.1'
const SLOT_RANGES = [
  [0, 5460],
  [5461, 10_922],
  [10_923, 16_383],
] as const

export async function startRedisCluster(host: RedisHost): Promise<RedisCluster> {
  const all: RedisServer[] = []
  const startNode = async (): Promise<RedisServer> => {
    const node = await host.start({
      'cluster-enabled': 'yes',
      'cluster-port': String(await freePort()),
      'cluster-config-file': `nodes-${await freePort()}.conf`,
      'cluster-node-timeout': '2000',
      'repl-diskless-sync-delay': '0',
    })
    all.push(node)
    return node
  }
  const join = async (node: RedisServer, known: RedisServer): Promise<void> => {
    const bus = String(await node.send('CONFIG', 'GET', 'cluster-port')).split(',')[1] as string
    await known.send('CLUSTER', 'MEET', LOOPBACK, String(node.port), bus)
  }
  const idOf = async (node: RedisServer) => String(await node.send('CLUSTER', 'MYID'))
  const nodes = [await startNode(), await startNode(), await startNode()] as const
  for (const [i, [from, to]] of SLOT_RANGES.entries()) {
    await nodes[i as 0].send('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to))
    await nodes[i as 0].send('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
  }
  await join(nodes[1], nodes[0])
  await join(nodes[2], nodes[0])
  await untilKnown(all)
  const masterOf = async (key: string): Promise<RedisServer> => {
    const slot = Number(await nodes[0].send('CLUSTER', 'KEYSLOT', key))
    const owner = nodes[SLOT_RANGES.findIndex(([from, to]) => slot >= from && slot <= to)]
    if (owner === undefined) throw new Error(`no node has slot ${slot}`)
    return owner
  }
  return {
    nodes,
    async addReplica(master) {
      const replica = await startNode()
      await join(replica, master)
      await untilKnown(all)
      await replica.send('CLUSTER', 'REPLICATE', await idOf(master))
      await until(async () =>
        /role:slave[\s\S]*master_link_status:up/.test(String(await replica.send('INFO', 'replication'))),
      )
      return replica
    },
    masterOf,
    async moveSlot(key, to, during) {
      const from = await masterOf(key)
      const slot = String(await from.send('CLUSTER', 'KEYSLOT', key))
      await to.send('CLUSTER', 'SETSLOT', slot, 'IMPORTING', await idOf(from))
      await from.send('CLUSTER', 'SETSLOT', slot, 'MIGRATING', await idOf(to))
      let moved = 0
      for (;;) {
        const keys = (await from.send('CLUSTER', 'GETKEYSINSLOT', slot, '1')) as string[]
        if (keys.length === 0) break
        await from.send('MIGRATE', LOOPBACK, String(to.port), '', '0', '5000', 'KEYS', ...keys)
        if (++moved === 1) await during?.()
      }
      for (const node of [to, from, ...nodes.filter(one => one !== to && one !== from)])
        await node.send('CLUSTER', 'SETSLOT', slot, 'NODE', await idOf(to))
    },
  }
}

async function untilKnown(nodes: readonly RedisServer[]): Promise<void> {
  const wanted = `cluster_state:ok[\\s\\S]*cluster_known_nodes:${nodes.length}`
  await until(async () => {
    const states = await Promise.all(nodes.map(node => node.send('CLUSTER', 'INFO')))
    return states.every(state => new RegExp(wanted).test(String(state)))
  })
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30_000; !(await holds()); await sleep(50))
    if (Date.now() > end) throw new Error('the cluster did not reach the expected state within 30 s')
}
