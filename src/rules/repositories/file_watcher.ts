/** Watches files by their directories, follows links, and polls for changes without a file system event. */
import { type FSWatcher, watch as watchDirectory } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface WatchOptions {
  /** Time without a further event before `onChange` is called, since a writer may not have finished. Default 100. */
  readonly quietMs?: number
  /** Time between two checks of the files, for network file systems and lost events. Default 2000. */
  readonly pollIntervalMs?: number
}

export interface FileWatch {
  /** Resolves when the state of every file is recorded; later changes are reported. */
  readonly ready: Promise<void>
  close(): void
}

/** After this many deferrals `onChange` is called anyway: a steady stream of events must not prevent a reload. */
const MAX_DEFERRALS = 10

/**
 * Calls `onChange` when a file has changed and no event has arrived for `quietMs`. Calls do not overlap. A file need not
 * exist yet. Read the files after `ready`, so that no change is missed in between.
 */
export function watchFiles(
  files: readonly string[],
  onChange: () => void | Promise<void>,
  { quietMs = 100, pollIntervalMs = 2000 }: WatchOptions = {},
): FileWatch {
  const watchers = new Map<string, FSWatcher>()
  /** Identity, size and time of each file at the last check; `undefined` until the first check has ended. */
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
      // The event may be about another file of the same directory.
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

  /** Watches directories, because a rename, and the `..data` link of a Kubernetes ConfigMap, causes no event at the file. */
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
        // The directory does not exist, or the limit of watches is reached: polling finds the change.
      }
    }
  }

  /** Compares all files with their last state, and watches the directories that they are in now. */
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
