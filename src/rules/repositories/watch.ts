/** rules/watch — tells that files may have changed: directories are watched, links followed, and a slow look catches what no notice came for. Knows no rule. */
import { type FSWatcher, watch as watchDirectory } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface WatchOptions {
  /** Milliseconds without a further notice before `changed` is called: a writer may still be writing. Default 100. */
  readonly quietMs?: number
  /** Milliseconds between two looks at the files themselves, for network file systems and lost notices. Default 2000. */
  readonly pollIntervalMs?: number
}

export interface FileWatch {
  /** Resolves once it is known what stands where: what changes from then on is noticed. */
  readonly ready: Promise<void>
  close(): void
}

/** A steady stream of notices must not put a reload off for ever: after so many quiet spans it runs anyway. */
const MAX_DEFERRALS = 10

/**
 * Calls `changed` when one of the files is not as it was and all has been quiet for a moment; never twice at a time.
 * A file that does not exist yet is waited for. Read the files after `looked`, so that no change falls between.
 */
export function watchFiles(
  files: readonly string[],
  onChange: () => void | Promise<void>,
  { quietMs = 100, pollIntervalMs = 2000 }: WatchOptions = {},
): FileWatch {
  const watchers = new Map<string, FSWatcher>()
  /** What stood where at the last look; absent before the first has ended. */
  let lastStates: ReadonlyMap<string, string> | undefined
  let timer: NodeJS.Timeout | undefined
  let deferrals = 0
  let dirty = false
  let notifying = false
  let notifyAgain = false
  let closed = false
  let polling = false

  function scheduleNotification(): void {
    if (closed) return
    if (lastStates === undefined) dirty = true
    if (timer !== undefined && deferrals < MAX_DEFERRALS) {
      deferrals++
      timer.refresh()
    }
    timer ??= setTimeout(() => {
      timer = undefined
      deferrals = 0
      void checkAndNotify()
    }, quietMs)
  }

  async function checkAndNotify(): Promise<void> {
    if (notifying) {
      notifyAgain = true
      return
    }
    notifying = true
    try {
      await checkFiles()
      // Other files of a directory make notices too.
      if (!dirty || closed) return
      dirty = false
      await onChange()
    } finally {
      notifying = false
      if (notifyAgain) {
        notifyAgain = false
        scheduleNotification()
      }
    }
  }

  /** Renames and the `..data` link of a ConfigMap arrive in directories, not at files: those are what is watched. */
  function updateWatchers(directories: ReadonlySet<string>): void {
    for (const [directory, watcher] of watchers) {
      if (directories.has(directory)) continue
      watcher.close()
      watchers.delete(directory)
    }
    for (const directory of directories) {
      if (watchers.has(directory)) continue
      try {
        const watcher = watchDirectory(directory, { persistent: false }, scheduleNotification)
        const drop = () => {
          watcher.close()
          if (watchers.get(directory) === watcher) watchers.delete(directory)
        }
        watcher.on('error', drop)
        watchers.set(directory, watcher)
      } catch {
        // Not there yet, or no notices left to have: the slow look finds it.
      }
    }
  }

  /** Remembers what stands where, watches the directories, and notes whether anything is not as it was. */
  async function checkFiles(): Promise<void> {
    const states = new Map<string, string>()
    const directories = new Set<string>()
    for (const file of files) {
      directories.add(dirname(file))
      try {
        const real = await realpath(file)
        directories.add(dirname(real))
        const { mtimeMs, size, ino } = await stat(real)
        states.set(file, `${real} ${ino} ${size} ${mtimeMs}`)
      } catch {
        states.set(file, '')
      }
    }
    if (closed) return
    if (lastStates !== undefined && [...states].some(([file, state]) => lastStates?.get(file) !== state))
      dirty = true
    lastStates = states
    updateWatchers(directories)
  }

  const pollTimer = setInterval(async () => {
    if (polling || notifying) return
    polling = true
    try {
      await checkFiles()
      if (dirty) scheduleNotification()
    } finally {
      polling = false
    }
  }, pollIntervalMs)
  pollTimer.unref()

  updateWatchers(new Set(files.map(file => dirname(file))))
  const ready = checkFiles()

  return {
    ready,
    close() {
      closed = true
      clearInterval(pollTimer)
      clearTimeout(timer)
      for (const watcher of watchers.values()) watcher.close()
    },
  }
}
