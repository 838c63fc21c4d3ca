variable "name" {
  description = "Name of the budget."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,98}[a-z0-9]$", var.name))
    error_message = "name has 3 to 100 lower-case letters, digits and hyphens, begins with a letter and ends with no hyphen."
  }
}

variable "limit_usd" {
  description = "US dollars that a month may cost."
  type        = number
  nullable    = false

  validation {
    condition     = var.limit_usd >= 1 && floor(var.limit_usd) == var.limit_usd
    error_message = "limit_usd is a whole number of US dollars, at least 1."
  }
}

variable "emails" {
  description = "Addresses that are told, ten at most."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.emails) <= 10 && alltrue([for email in var.emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "emails are ten addresses at most, such as platform@example.com."
  }

  validation {
    condition     = length(var.emails) > 0 || var.topic_arn != null
    error_message = "A budget tells somebody: set emails, topic_arn or both."
  }
}

variable "topic_arn" {
  description = "ARN of an SNS topic that is told, whose policy lets budgets.amazonaws.com publish."
  type        = string
  default     = null

  validation {
    condition     = var.topic_arn == null || can(regex("^arn:aws:sns:[a-z0-9-]+:[0-9]{12}:[\\w-]+$", var.topic_arn))
    error_message = "topic_arn is the ARN of an SNS topic."
  }
}
