/** access/after — how to go on after a value or a promise of one, without waiting where there is nothing to wait for. */

export type Awaitable<T> = T | Promise<T>

/** Runs `next` with the value, at once where it is there; `failed` receives whatever `value` or `next` threw. */
export function after<T, R>(
  value: Awaitable<T>,
  next: (value: T) => Awaitable<R>,
  failed?: (error: unknown) => R,
): Awaitable<R> {
  if (value instanceof Promise) {
    const done = value.then(next)
    return failed === undefined ? done : done.catch(failed)
  }
  if (failed === undefined) return next(value)
  try {
    const result = next(value)
    return result instanceof Promise ? result.catch(failed) : result
  } catch (error) {
    return failed(error)
  }
}
