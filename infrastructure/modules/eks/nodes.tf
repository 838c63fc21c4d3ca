# Machines: general ones that are always there; for training and with GPUs on spot, from none. Karpenter adds to them with the
# same role.
locals {
  # Those of spot name several types each: one alone is too often not to be had.
  node_groups = {
    general = {
      image  = "AL2023_x86_64_STANDARD"
      types  = ["c7a.xlarge"]
      spot   = false
      min    = var.general_nodes
      max    = var.general_nodes
      labels = {}
      taints = {}
    }
    training = {
      image  = "AL2023_x86_64_STANDARD"
      types  = ["c7a.2xlarge", "c7i.2xlarge", "m7a.2xlarge", "m7i.2xlarge"]
      spot   = true
      min    = 0
      max    = var.training_nodes
      labels = { "cv-inference/workload" = "training" }
      taints = { "cv-inference/workload" = "training" }
    }
    gpu = {
      image  = "AL2023_x86_64_NVIDIA"
      types  = ["g6.2xlarge", "g5.2xlarge"]
      spot   = true
      min    = 0
      max    = var.gpu_nodes
      labels = { "nvidia.com/gpu.present" = "true" }
      taints = { "nvidia.com/gpu" = "present" }
    }
  }
}

# Instances and volumes do not get the provider's tags by themselves.
data "aws_default_tags" "this" {}

resource "aws_iam_role" "node" {
  name                 = "${var.name}-node"
  description          = "Nodes of ${var.name}."
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

# Not the network's permissions, which its own pods have. The last one is the way in for people: Session Manager.
resource "aws_iam_role_policy_attachment" "node" {
  for_each = toset([
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEKSWorkerNodePolicy",
    "AmazonSSMManagedInstanceCore",
  ])

  role       = aws_iam_role.node.name
  policy_arn = "arn:aws:iam::aws:policy/${each.key}"
}

# Nodes that Karpenter starts name it: it may make no profiles of its own.
resource "aws_iam_instance_profile" "node" {
  name = "${var.name}-node"
  role = aws_iam_role.node.name
}

resource "aws_launch_template" "node" {
  for_each = local.node_groups

  name                   = "${var.name}-${each.key}"
  description            = "Nodes ${each.key} of ${var.name}"
  update_default_version = true
  vpc_security_group_ids = [var.nodes_security_group_id]

  # Pods do not reach the credentials of their node: one hop ends at the host.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = 50
      encrypted             = true
      delete_on_termination = true
    }
  }

  dynamic "tag_specifications" {
    for_each = ["instance", "network-interface", "volume"]

    content {
      resource_type = tag_specifications.value
      tags          = merge(data.aws_default_tags.this.tags, { Name = "${var.name}-${each.key}" })
    }
  }
}

resource "aws_eks_node_group" "this" {
  for_each = local.node_groups

  cluster_name    = aws_eks_cluster.this.name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.node.arn
  subnet_ids      = var.subnet_ids
  version         = var.kubernetes_version
  ami_type        = each.value.image
  capacity_type   = each.value.spot ? "SPOT" : "ON_DEMAND"
  instance_types  = each.value.types
  labels          = each.value.labels

  launch_template {
    id      = aws_launch_template.node[each.key].id
    version = aws_launch_template.node[each.key].latest_version
  }

  scaling_config {
    min_size     = each.value.min
    desired_size = each.value.min
    max_size     = each.value.max
  }

  dynamic "taint" {
    for_each = each.value.taints

    content {
      key    = taint.key
      value  = taint.value
      effect = "NO_SCHEDULE"
    }
  }

  update_config {
    max_unavailable = 1
  }

  node_repair_config {
    enabled = true
  }

  # How many of training and gpu there are at the moment is said by whoever needs them.
  lifecycle {
    ignore_changes = [scaling_config[0].desired_size]
  }

  # A node is ready once it has a network.
  depends_on = [aws_eks_addon.before_nodes, aws_iam_role_policy_attachment.node]
}
