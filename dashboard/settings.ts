import { type Field, integer, oneOf, readFields, text, type ValuesOf } from '../service/config-fields.js';

const URL_PATTERN = { pattern: /^https?:\/\/[^?#]+$/, hint: 'is not an http:// or https:// address' };
const NAME = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const HOST_NAME = `${NAME}(\\.${NAME})*`;

/** Every setting of the dashboard, all from the environment; the cluster is that of a kubeconfig or of the pod. */
export const SETTINGS_SCHEMA = {
  HOST: text({ default: '0.0.0.0', description: 'Address to listen on' }),
  PORT: integer({
    default: 8080,
    min: 0,
    max: 65_535,
    description: 'Port to listen on; 0 takes any free one',
  }),
  ALLOWED_HOSTS: text({
    default: '',
    pattern: new RegExp(`^${HOST_NAME}(,${HOST_NAME})*$`),
    hint: 'is not a list of host names in lower case without ports, separated by commas',
    description:
      'Names by which requests may ask for it, of a Service or an Ingress, separated by commas; `localhost` and addresses always may',
  }),
  LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    description: 'Least severe level that is logged',
  }),
  NAMESPACES: text({
    default: 'cv-inference',
    pattern: new RegExp(`^${NAME}(,${NAME})*$`),
    hint: 'is not a list of namespaces, separated by commas',
    description: 'Of rollouts, pods, autoscalers, alerts and models; separated by commas',
  }),
  ARGOCD_NAMESPACE: text({
    default: 'argocd',
    pattern: new RegExp(`^${NAME}$`),
    hint: 'is not a namespace',
    description: "Of Argo CD's applications",
  }),
  ARGOCD_URL: text({
    default: '',
    ...URL_PATTERN,
    description: "Argo CD's server, which knows who made a commit; needs `ARGOCD_TOKEN_FILE`",
  }),
  ARGOCD_TOKEN_FILE: text({
    default: '',
    description: 'File with a token of an account that may get applications; read anew for each call',
  }),
  ALERTMANAGER_URL: text({ default: '', ...URL_PATTERN, description: 'Alertmanager; without it no alerts' }),
  PROMETHEUS_URL: text({
    default: '',
    ...URL_PATTERN,
    description: 'Prometheus; without it neither models nor drift',
  }),
  TIMELINE_FILE: text({
    default: '',
    description:
      'File that the timeline is kept in, a line of JSON for each entry; without it a restart forgets it',
  }),
} as const satisfies Record<string, Field<unknown>>;

/** The settings in use, by their names in the environment; empty where one without a default is not given. */
export type Settings = ValuesOf<typeof SETTINGS_SCHEMA>;

/** Throws one sentence that names every fault. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const settings = readFields(SETTINGS_SCHEMA, environment);
  if ((settings.ARGOCD_URL === '') !== (settings.ARGOCD_TOKEN_FILE === '')) {
    throw new Error('ARGOCD_URL and ARGOCD_TOKEN_FILE are given together or not at all');
  }
  return settings;
}
