// @ts-check

/**
 * A request as code.
 * @typedef {{ url: string, query: URLSearchParams, fileName: string, needsKey: boolean }} Asked `url` of /predict
 */

/** @type {readonly { name: string, write(asked: Asked): string }[]} */
export const LANGUAGES = [
  { name: 'curl', write: curl },
  { name: 'Python', write: python },
  { name: 'JavaScript', write: javascript },
];

/** @param {Asked} asked */
function curl({ url, query, fileName, needsKey }) {
  const lines = [
    'curl',
    ...(needsKey ? ['-H "X-API-Key: $API_KEY"'] : []),
    `--data-binary ${shellQuoted(`@${fileName}`)}`,
    shellQuoted(addressOf(url, query)),
  ];
  return lines.join(' \\\n  ').replace('curl \\\n ', 'curl');
}

/** @param {Asked} asked of Python 3 alone: nothing is to be installed */
function python({ url, query, fileName, needsKey }) {
  return [
    'import json',
    ...(needsKey ? ['import os'] : []),
    'import urllib.request',
    '',
    `with open(${JSON.stringify(fileName)}, "rb") as image:`,
    '    request = urllib.request.Request(',
    `        ${JSON.stringify(addressOf(url, query))},`,
    '        data=image.read(),',
    ...(needsKey ? ['        headers={"X-API-Key": os.environ["API_KEY"]},'] : []),
    '    )',
    'with urllib.request.urlopen(request, timeout=10) as response:',
    '    print(json.load(response))',
  ].join('\n');
}

/** @param {Asked} asked for Node 20 and newer; in a page the image is what an <input type="file"> gives */
function javascript({ url, query, fileName, needsKey }) {
  return [
    "import { openAsBlob } from 'node:fs';",
    '',
    `const response = await fetch(${JSON.stringify(addressOf(url, query))}, {`,
    "  method: 'POST',",
    ...(needsKey ? ["  headers: { 'X-API-Key': process.env.API_KEY },"] : []),
    `  body: await openAsBlob(${JSON.stringify(fileName)}),`,
    '});',
    'if (!response.ok) throw new Error((await response.json()).detail);',
    'console.log(await response.json());',
  ].join('\n');
}

/**
 * @param {string} url
 * @param {URLSearchParams} query
 */
function addressOf(url, query) {
  return query.size === 0 ? url : `${url}?${query}`;
}

/**
 * One word of a POSIX shell.
 * @param {string} text
 */
function shellQuoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
