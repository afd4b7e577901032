/** A decoded picture, 8-bit RGB. It is read through steps, so that it can be turned without a copy. */
export interface Picture {
  /** Pixels, as it is looked at. */
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
  /** The red of pixel (x, y) is data[origin + x * xStep + y * yStep]; green and blue follow it. */
  readonly origin: number;
  readonly xStep: number;
  readonly yStep: number;
}

/** A picture whose rows lie one after another, top first. */
export const plainPicture = (width: number, height: number, data: Uint8Array): Picture => ({
  ...{ width, height, data },
  origin: 0,
  xStep: 3,
  yStep: 3 * width,
});

/** How a camera held a picture, as EXIF numbers it: 1 is upright, 2 to 8 are mirrored or turned. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** What the beginning of a file says of its picture. */
export interface PictureHeader {
  kind: 'png' | 'jpeg';
  /** Pixels as they are stored. */
  width: number;
  height: number;
  orientation: Orientation;
}

/** True where width and height change places. */
export const turnsSideways = (orientation: Orientation): boolean => orientation >= 5;

/** The picture upright (EXIF 2.32, tag 0x0112). */
export function turned(picture: Picture, orientation: Orientation): Picture {
  const { width, height, data, origin, xStep, yStep } = picture;
  const right = origin + (width - 1) * xStep;
  const bottom = (height - 1) * yStep;
  switch (orientation) {
    case 1:
      return picture;
    case 2:
      return { width, height, data, origin: right, xStep: -xStep, yStep };
    case 3:
      return { width, height, data, origin: right + bottom, xStep: -xStep, yStep: -yStep };
    case 4:
      return { width, height, data, origin: origin + bottom, xStep, yStep: -yStep };
    case 5:
      return { width: height, height: width, data, origin, xStep: yStep, yStep: xStep };
    case 6:
      return { width: height, height: width, data, origin: origin + bottom, xStep: -yStep, yStep: xStep };
    case 7:
      return { width: height, height: width, data, origin: right + bottom, xStep: -yStep, yStep: -xStep };
    case 8:
      return { width: height, height: width, data, origin: right, xStep: yStep, yStep: -xStep };
  }
}
