variable "name" {
  description = "Name of the role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,62}[a-z0-9]$", var.name))
    error_message = "A role's name has 4 to 64 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "description" {
  description = "What the role is for."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.description) > 0 && length(var.description) <= 1000
    error_message = "description says in at most 1000 characters what the role is for."
  }
}

variable "provider_arn" {
  description = "ARN of the account's OIDC provider for GitHub (output of bootstrap)."
  type        = string
  nullable    = false

  validation {
    condition     = endswith(var.provider_arn, ":oidc-provider/token.actions.githubusercontent.com")
    error_message = "provider_arn is the ARN of the OIDC provider token.actions.githubusercontent.com."
  }
}

variable "repository" {
  description = "The GitHub repository whose jobs take the role, as owner/name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository is owner/name, without wildcards."
  }
}

variable "subjects" {
  description = "Which jobs: the end of the token's subject, such as ref:refs/heads/main, environment:NAME or pull_request."
  type        = set(string)
  nullable    = false

  validation {
    condition = length(var.subjects) > 0 && alltrue([
      for subject in var.subjects :
      can(regex("^(pull_request|environment:[\\w-]+|ref:refs/heads/[\\w./-]+|ref:refs/tags/[\\w./-]+\\*?)$", subject))
    ])
    error_message = "subjects are pull_request, environment:NAME, ref:refs/heads/BRANCH or ref:refs/tags/TAG; a tag alone may end with *."
  }
}

variable "policies" {
  description = "What the role may do: JSON of policies, by name."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for policy in values(var.policies) : can(jsondecode(policy).Statement)])
    error_message = "Each of policies is JSON with a Statement."
  }
}

variable "managed_policy_arns" {
  description = "Policies of AWS's own that the role has too."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.managed_policy_arns : startswith(arn, "arn:aws:iam::aws:policy/")])
    error_message = "managed_policy_arns are ARNs of AWS's own policies (arn:aws:iam::aws:policy/...)."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds what the role may ever do; only bootstrap's own roles have none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws:iam::[0-9]{12}:policy/", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn is the ARN of a policy of the account."
  }
}
