/**
 * Keeps the bytecode that V8 compiles, so that the next start does not compile it again (docs/decisions/0039). Whoever can
 * write that folder can run code in the service: it is used only if nobody but its owner and root can. Without a folder
 * nothing is kept.
 */
import { lstatSync, mkdirSync, realpathSync } from 'node:fs'
import nodeModule from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

const OTHERS_WRITE = 0o022
const STICKY = 0o1000

/**
 * Uses the first folder that is safe: `root`, the folder of the package, which the image and most installations can
 * write, else the home of the user. NODE_COMPILE_CACHE names another folder, NODE_DISABLE_COMPILE_CACHE=1 none: Node itself reads both.
 */
export function keepCompiledCode(root) {
  if (process.env.NODE_COMPILE_CACHE || process.env.NODE_DISABLE_COMPILE_CACHE) return
  const folder = candidatesIn(root).find(isSafe)
  if (folder !== undefined) nodeModule.enableCompileCache(folder)
}

function candidatesIn(root) {
  return [join(root, '.compile-cache'), join(homedir(), '.cache', 'credence', 'compile-cache')]
}

/** Creates the folder if it is missing. */
export function isSafe(folder) {
  const user = process.geteuid?.()
  // Windows has no such permissions.
  if (user === undefined) return false
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const path = realpathSync(folder)
    const { uid, mode } = lstatSync(path)
    return (
      uid === user &&
      (mode & OTHERS_WRITE) === 0 &&
      ancestorsOf(path).every(one => cannotBeReplaced(one, user))
    )
  } catch {
    return false
  }
}

function ancestorsOf(path) {
  const parent = dirname(path)
  return parent === path ? [] : [parent, ...ancestorsOf(parent)]
}

/** Others cannot rename or delete what is in the folder. */
function cannotBeReplaced(folder, user) {
  const { uid, mode } = lstatSync(folder)
  return (uid === user || uid === 0) && ((mode & OTHERS_WRITE) === 0 || (mode & STICKY) !== 0)
}
