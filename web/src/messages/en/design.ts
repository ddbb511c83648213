export const design = {
  skip: "Skip to the content",
  places: "Places",
};
