variable "name" {
  description = "Name of the repository."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*([._/-][a-z0-9]+)*$", var.name)) && length(var.name) <= 256
    error_message = "A repository's name has lower-case letters and digits, with single hyphens, dots, underscores or slashes between."
  }
}

variable "untagged_days" {
  description = "Days for which an image without a tag stays."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = var.untagged_days >= 1 && floor(var.untagged_days) == var.untagged_days
    error_message = "untagged_days is a whole number of days, at least 1."
  }
}

variable "disposable" {
  description = "Whether destroy may delete the images with the repository."
  type        = bool
  default     = false
  nullable    = false
}
