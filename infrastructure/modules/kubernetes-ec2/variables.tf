variable "name" {
  description = "Names the cluster and begins the name of everything in it: project and environment."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,26}[a-z0-9]$", var.name))
    error_message = "name has 3 to 28 lower-case letters, digits and hyphens, begins with a letter and ends with no hyphen: load balancers allow 32, four of which are added."
  }
}

variable "vpc_id" {
  description = "The VPC (output of modules/network)."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.vpc_id, "vpc-")
    error_message = "vpc_id is the id of a VPC (vpc-...)."
  }
}

variable "subnet_ids" {
  description = "Private subnets, one a zone, from which machines reach the internet by HTTPS (modules/network with a NAT gateway): Debian, Kubernetes and Calico are downloaded."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2 && length(distinct(var.subnet_ids)) == length(var.subnet_ids)
    error_message = "subnet_ids are two subnets or more, in different zones."
  }
}

variable "security_group_id" {
  description = "Security group of the machines (output nodes_security_group_id of modules/network): they reach each other."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.security_group_id, "sg-")
    error_message = "security_group_id is the id of a security group (sg-...)."
  }
}

variable "image_id" {
  description = "AMI of Debian 13 for the architecture of the machines: the newest of owner 136693071363 named debian-13-*. Workers are replaced when it changes."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^ami-[0-9a-f]+$", var.image_id))
    error_message = "image_id is the id of an AMI (ami-...)."
  }
}

variable "control_plane_count" {
  description = "Machines of the control plane: 1, whose loss is the loss of the cluster, or 3, of which one may be lost."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = contains([1, 3], var.control_plane_count)
    error_message = "control_plane_count is 1 or 3: two bear the loss of none, like one."
  }
}

variable "control_plane_type" {
  description = "Size of a machine of the control plane: kubeadm wants 2 processors and 2 GiB, etcd some more."
  type        = string
  default     = "t3.medium"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", var.control_plane_type))
    error_message = "control_plane_type is one of EC2, such as t3.medium."
  }
}

variable "worker_type" {
  description = "Size of a worker."
  type        = string
  default     = "m7i.large"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", var.worker_type))
    error_message = "worker_type is one of EC2, such as m7i.large."
  }
}

variable "worker_count" {
  description = "How few and how many workers there are."
  type        = object({ min = number, max = number })
  default     = { min = 2, max = 6 }
  nullable    = false

  validation {
    condition = (
      var.worker_count.min >= 1 && var.worker_count.max >= var.worker_count.min &&
      floor(var.worker_count.min) == var.worker_count.min && floor(var.worker_count.max) == var.worker_count.max
    )
    error_message = "worker_count has whole numbers: min, at least 1, and max, at least min."
  }
}

variable "node_policies" {
  description = "What machines may do besides: JSON of policies, by name."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for policy in values(var.node_policies) : can(jsondecode(policy).Statement)])
    error_message = "Each of node_policies is JSON with a Statement."
  }
}

variable "disposable" {
  description = "Whether destroy may end the control plane, and with it all that etcd knows."
  type        = bool
  default     = false
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds the roles of the machines (output of bootstrap)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws:iam::[0-9]{12}:policy/", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn is the ARN of a policy of the account."
  }
}
