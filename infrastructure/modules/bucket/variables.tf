variable "name" {
  description = "Name of the bucket, unique in all of AWS."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits and hyphens, none of them at an end."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that objects are encrypted with; without one, S3's own (AES-256)."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a KMS key, not of an alias."
  }
}

variable "noncurrent_days" {
  description = "Days for which an overwritten or deleted object can be brought back."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "noncurrent_days is a whole number of days, at least 1."
  }
}

variable "expire_days" {
  description = "Prefixes whose objects are deleted, with the days after which."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for prefix, days in var.expire_days : can(regex("^[^/].*/$", prefix)) && days >= 1 && floor(days) == days
    ])
    error_message = "expire_days gives whole days, at least 1, to prefixes that end with a slash and begin with none."
  }
}

variable "disposable" {
  description = "Whether destroy may delete the objects with the bucket."
  type        = bool
  default     = false
  nullable    = false
}
