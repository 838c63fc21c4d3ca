/** What a file says of itself before it is decoded, as far as it can be read for next to nothing. */
export interface FileFacts {
  /** Pixels as stored; undefined where the decoder has to say. */
  readonly size: { readonly width: number; readonly height: number } | undefined;
  /** Where `size` is not known: how many pixels it may have. */
  readonly roughPixels?: number;
  /** What is there more of than any honest file has, such as 'more than 100 scans'; the decoder would pay for each of them. */
  readonly excess?: string | undefined;
}
