/** What a file says of itself before it is decoded, as far as it can be read for next to nothing. */
export interface FileFacts {
  /** Pixels as stored; undefined where the decoder has to say. */
  readonly size: { readonly width: number; readonly height: number } | undefined;
  /** Where `size` is not known: how many pixels it may have. */
  readonly roughPixels?: number;
  /** What there is more of than any honest file has, such as 'more than 100 scans'; the decoder would pay for each. */
  readonly excess?: string | undefined;
  /** Whether the file was looked through to its end. */
  readonly isComplete: boolean;
}

/** Looks through a file, for so many markers, chunks or blocks at the most. */
export type FactsReader<Facts extends FileFacts = FileFacts> = (bytes: Uint8Array, maxSteps: number) => Facts;
