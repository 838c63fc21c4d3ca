// @ts-check
import { byId } from './dom.js';

/** @typedef {(image: Blob, name: string) => void} OnImage */

/**
 * The ways in which people give an image: from a file, the camera, dropped, pasted.
 * @param {OnImage} onImage
 */
export function listenForImages(onImage) {
  for (const id of ['file', 'camera']) {
    const input = byId(id, HTMLInputElement);
    input.addEventListener('change', () => {
      const [file] = input.files ?? [];
      // The same file may be chosen again.
      input.value = '';
      if (file !== undefined) onImage(file, file.name);
    });
  }
  document.addEventListener('paste', (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (file !== undefined) onImage(file, file.name || 'clipboard.png');
  });
  listenForDrops(onImage);
}

/** @param {OnImage} onImage */
function listenForDrops(onImage) {
  const veil = byId('drop-veil', HTMLElement);
  let depth = 0;
  /** @param {number} by */
  const move = (by) => {
    depth = Math.max(0, depth + by);
    veil.hidden = depth === 0;
  };
  /** @param {DragEvent} event */
  const hasFiles = (event) => event.dataTransfer?.types.includes('Files') === true;
  document.addEventListener('dragenter', (event) => hasFiles(event) && move(1));
  document.addEventListener('dragleave', (event) => hasFiles(event) && move(-1));
  document.addEventListener('dragover', (event) => hasFiles(event) && event.preventDefault());
  document.addEventListener('drop', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    move(-depth);
    const [file] = event.dataTransfer?.files ?? [];
    if (file !== undefined) onImage(file, file.name);
  });
}
