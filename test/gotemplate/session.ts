/** Builds the template data of a session from the data of a test case. */
import type { JsonObject, Session } from '../../src/access/session.ts'
import type { GoValue } from '../../src/gotemplate/values/value.ts'
import { templateData } from '../../src/handlers/compile/template_data.ts'

export interface TemplateCaseData {
  readonly subject: string
  readonly extra?: JsonObject | null
  readonly header?: Readonly<Record<string, string>>
  readonly captures?: readonly string[]
  readonly method?: string
  readonly url?: string
  readonly headers?: Readonly<Record<string, readonly string[]>>
}

/** For cases without data of their own. */
export const STANDARD_DATA: TemplateCaseData = {
  subject: 'subj',
  extra: {
    i: 5,
    big: 1234567,
    huge: 12345678901234567000,
    f: 1.5,
    small: 0.000001,
    mil: 1000000,
    hundredk: 100000,
    neg: -3.25,
    b: true,
    n: null,
    s: 'str',
    arr: [1, 'a', null, 2.5, 1234567],
    m: { z: 1, a: 'b', nested: { k: [true] } },
    empty: '',
    es: [],
    html: '<a&b>',
    uni: 'é☃',
    q: 'a"b',
    groups: ['admin', 'dev'],
    d: '2020-01-02T03:04:05Z',
    __proto__x: 1,
  },
  captures: ['first', 'second'],
  method: 'GET',
  url: 'https://api.example:8443/a%20b/c?q=1&q=2&empty=&p=x%20y%26z',
  headers: { 'X-Foo': ['one', 'two'], Accept: ['*/*'] },
}

export function templateDataFor(row: TemplateCaseData | undefined): GoValue {
  const data = row ?? STANDARD_DATA
  const { url = 'http://h/a' } = data
  const [, scheme, host, path, query] = /^(\w+):\/\/([^/]*)([^?]*)\??(.*)$/.exec(url) as unknown as string[]
  const session = {
    subject: data.subject,
    extra: data.extra ?? undefined,
    headers: Object.entries(data.header ?? {}).map(([name, value]) => ({ name: name.toLowerCase(), value })),
    match: {
      captures: data.captures ?? [],
      method: data.method ?? 'GET',
      url: { scheme, host, path: decodeURIComponent(path as string), rawQuery: query },
      headers: new Map(Object.entries(data.headers ?? {})),
    },
  }
  return templateData(session as unknown as Session)
}
