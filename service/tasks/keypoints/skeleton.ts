/** Joints that a person has a bone, or the like, between; by the names of COCO's keypoints. */
const BONES: readonly (readonly [string, string])[] = [
  ['nose', 'left_eye'],
  ['nose', 'right_eye'],
  ['left_eye', 'left_ear'],
  ['right_eye', 'right_ear'],
  ['left_shoulder', 'right_shoulder'],
  ['left_shoulder', 'left_elbow'],
  ['left_elbow', 'left_wrist'],
  ['right_shoulder', 'right_elbow'],
  ['right_elbow', 'right_wrist'],
  ['left_shoulder', 'left_hip'],
  ['right_shoulder', 'right_hip'],
  ['left_hip', 'right_hip'],
  ['left_hip', 'left_knee'],
  ['left_knee', 'left_ankle'],
  ['right_hip', 'right_knee'],
  ['right_knee', 'right_ankle'],
];

/** Pairs of indexes of points that are drawn with a line between them; none where the points have other names. */
export function edgesBetween(names: readonly string[]): [from: number, to: number][] {
  return BONES.map(([from, to]): [number, number] => [names.indexOf(from), names.indexOf(to)]).filter(
    ([from, to]) => from !== -1 && to !== -1,
  );
}
