import { describe, expect, it } from 'vitest';
import { isAllowedHost } from './hosts.js';

const ALLOWED = new Set(['dashboard.example.com', 'service']);

describe('a request is answered', () => {
  it.each([
    'localhost',
    'localhost:8080',
    'LOCALHOST.',
    'dashboard.localhost:1',
    '127.0.0.1:8080',
    '127.1.2.3',
    '10.244.1.7:8080',
    '[::1]:8080',
    '[fd00::7]',
    '[::ffff:127.0.0.1]:8080',
    'dashboard.example.com',
    'Dashboard.Example.com:443',
    'dashboard.example.com.',
    'service:80',
  ])('for %s', (host) => {
    expect(isAllowedHost(host, ALLOWED)).toBe(true);
  });
});

describe('a request is refused', () => {
  it.each([
    undefined,
    '',
    ':8080',
    'rebound.example.org',
    'rebound.example.org:8080',
    'dashboard.example.com.example.org',
    'other.dashboard.example.com',
    'localhost.example.org',
    'notlocalhost',
    '.',
    '127.0.0.1.nip.io',
    '127.0.0.1.example.org:8080',
    '1.2.3.4.5',
    '[::1',
    '[rebound.example.org]',
    '[127.0.0.1]',
    'a@localhost',
    'localhost/',
    'rebound.example.org:80:localhost',
    'localhost, rebound.example.org',
  ])('for %j', (host) => {
    expect(isAllowedHost(host, ALLOWED)).toBe(false);
  });
});
