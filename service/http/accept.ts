/** What a client would take: a media range and how much it likes it, 0 to 1. */
interface Preference {
  readonly type: string;
  readonly subtype: string;
  readonly quality: number;
}

const MEDIA_RANGE = /^(?:(\*)\/(\*)|([\w!#$&^.+-]+)\/(\*|[\w!#$&^.+-]+))$/;
const QUALITY = /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/;
/** Nobody has more; what follows is not looked at. */
const MAX_RANGES = 50;

/** The header Accept (RFC 9110, 12.5.1). Ranges that cannot be read, and parameters other than the weight, are passed over. */
export class Accepted {
  readonly #preferences: readonly Preference[];

  constructor(header: string | undefined) {
    this.#preferences = (header ?? '').split(',', MAX_RANGES).flatMap(preference);
  }

  /** How much a media type is liked; 0: not at all. Where nothing is said at all, 1. */
  quality(mediaType: string): number {
    if (this.#preferences.length === 0) return 1;
    const [type = '', subtype = ''] = mediaType.split('/');
    const matching = this.#preferences.filter((each) => matches(each, type, subtype));
    const [closest] = matching.sort((one, other) => specificity(other) - specificity(one));
    return closest?.quality ?? 0;
  }

  /** The one that is liked best, the first of equals; undefined where none is. */
  best<MediaType extends string>(offered: readonly MediaType[]): MediaType | undefined {
    const liked = offered.map((mediaType) => ({ mediaType, quality: this.quality(mediaType) }));
    const [best] = liked.sort((one, other) => other.quality - one.quality);
    return best !== undefined && best.quality > 0 ? best.mediaType : undefined;
  }

  /** Whether a picture of whatever kind is asked for by name. */
  get wantsImage(): boolean {
    return this.#preferences.some(({ type, quality }) => type === 'image' && quality > 0);
  }
}

function preference(text: string): Preference[] {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const [, any, every, type = any, subtype = every] = MEDIA_RANGE.exec(range) ?? [];
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
  if (type === undefined || subtype === undefined || !QUALITY.test(weight)) return [];
  return [{ type, subtype, quality: Number(weight) }];
}

function matches(range: Preference, type: string, subtype: string): boolean {
  const isOfType = range.type === '*' || range.type === type;
  return isOfType && (range.subtype === '*' || range.subtype === subtype);
}

function specificity({ type, subtype }: Preference): number {
  return Number(type !== '*') + Number(subtype !== '*');
}
