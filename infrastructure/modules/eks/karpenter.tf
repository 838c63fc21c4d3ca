# What Karpenter needs of AWS: its role, and a queue that tells it which nodes are about to go. Its NodePools are Argo CD's. It
# finds subnets and security group by the tag karpenter.sh/discovery (modules/network).
locals {
  ec2 = "arn:aws:ec2:${data.aws_region.this.id}"
  interruptions = {
    health        = { source = ["aws.health"], detail-type = ["AWS Health Event"] }
    spot          = { source = ["aws.ec2"], detail-type = ["EC2 Spot Instance Interruption Warning"] }
    rebalance     = { source = ["aws.ec2"], detail-type = ["EC2 Instance Rebalance Recommendation"] }
    state-changed = { source = ["aws.ec2"], detail-type = ["EC2 Instance State-change Notification"] }
    reservation   = { source = ["aws.ec2"], detail-type = ["EC2 Capacity Reservation Instance Interruption Warning"] }
  }
  # What it makes carries these, and it may change nothing that does not.
  requested = {
    StringEquals = {
      "aws:RequestTag/kubernetes.io/cluster/${var.name}" = "owned"
      "aws:RequestTag/eks:eks-cluster-name"              = var.name
    }
    StringLike = { "aws:RequestTag/karpenter.sh/nodepool" = "*" }
  }
  owned = {
    StringEquals = { "aws:ResourceTag/kubernetes.io/cluster/${var.name}" = "owned" }
    StringLike   = { "aws:ResourceTag/karpenter.sh/nodepool" = "*" }
  }

  karpenter_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "StartFrom"
        Effect = "Allow"
        Action = ["ec2:CreateFleet", "ec2:RunInstances"]
        Resource = concat(
          ["${local.ec2}::image/*", "${local.ec2}::snapshot/*"],
          [for subnet in var.subnet_ids : "${local.ec2}:${var.account_id}:subnet/${subnet}"],
          ["${local.ec2}:${var.account_id}:security-group/${var.nodes_security_group_id}"],
        )
      },
      {
        Sid       = "StartFromItsTemplates"
        Effect    = "Allow"
        Action    = ["ec2:CreateFleet", "ec2:RunInstances"]
        Resource  = ["${local.ec2}:${var.account_id}:launch-template/*"]
        Condition = local.owned
      },
      {
        Sid    = "StartWithTags"
        Effect = "Allow"
        Action = ["ec2:CreateFleet", "ec2:CreateLaunchTemplate", "ec2:RunInstances"]
        Resource = [
          for kind in ["fleet", "instance", "launch-template", "network-interface", "spot-instances-request", "volume"] :
          "${local.ec2}:${var.account_id}:${kind}/*"
        ]
        Condition = local.requested
      },
      {
        Sid    = "TagWhatIsStarted"
        Effect = "Allow"
        Action = ["ec2:CreateTags"]
        Resource = [
          for kind in ["fleet", "instance", "launch-template", "network-interface", "spot-instances-request", "volume"] :
          "${local.ec2}:${var.account_id}:${kind}/*"
        ]
        Condition = {
          StringEquals = merge(local.requested.StringEquals, {
            "ec2:CreateAction" = ["CreateFleet", "CreateLaunchTemplate", "RunInstances"]
          })
          StringLike = local.requested.StringLike
        }
      },
      {
        Sid      = "NameItsNodes"
        Effect   = "Allow"
        Action   = ["ec2:CreateTags"]
        Resource = ["${local.ec2}:${var.account_id}:instance/*"]
        Condition = merge(local.owned, {
          StringEqualsIfExists        = { "aws:RequestTag/eks:eks-cluster-name" = var.name }
          "ForAllValues:StringEquals" = { "aws:TagKeys" = ["Name", "eks:eks-cluster-name", "karpenter.sh/nodeclaim"] }
        })
      },
      {
        Sid    = "EndItsNodes"
        Effect = "Allow"
        Action = ["ec2:DeleteLaunchTemplate", "ec2:TerminateInstances"]
        Resource = [
          "${local.ec2}:${var.account_id}:instance/*", "${local.ec2}:${var.account_id}:launch-template/*",
        ]
        Condition = local.owned
      },
      {
        # AWS knows these for all resources alone.
        Sid    = "See"
        Effect = "Allow"
        Action = [
          "ec2:DescribeCapacityReservations", "ec2:DescribeImages", "ec2:DescribeInstances", "ec2:DescribeInstanceStatus",
          "ec2:DescribeInstanceTypeOfferings", "ec2:DescribeInstanceTypes", "ec2:DescribeLaunchTemplates",
          "ec2:DescribePlacementGroups", "ec2:DescribeSecurityGroups", "ec2:DescribeSpotPriceHistory",
          "ec2:DescribeSubnets",
        ]
        Resource  = ["*"]
        Condition = { StringEquals = { "aws:RequestedRegion" = data.aws_region.this.id } }
      },
      {
        # Prices are told in one region, and profiles in none.
        Sid      = "SeeEverywhere"
        Effect   = "Allow"
        Action   = ["iam:ListInstanceProfiles", "pricing:GetProducts"]
        Resource = ["*"]
      },
      {
        Sid      = "SeeProfile"
        Effect   = "Allow"
        Action   = ["iam:GetInstanceProfile"]
        Resource = [aws_iam_instance_profile.node.arn]
      },
      {
        Sid      = "SeeNewestImages"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter"]
        Resource = ["arn:aws:ssm:${data.aws_region.this.id}::parameter/aws/service/*"]
      },
      {
        Sid       = "GiveNodesTheirRole"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [aws_iam_role.node.arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
      {
        Sid      = "SeeCluster"
        Effect   = "Allow"
        Action   = ["eks:DescribeCluster"]
        Resource = [local.arn]
      },
      {
        Sid      = "HearOfInterruptions"
        Effect   = "Allow"
        Action   = ["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
        Resource = [aws_sqs_queue.interruptions.arn]
      },
    ]
  }
}

resource "aws_sqs_queue" "interruptions" {
  name                      = "${var.name}-interruptions"
  message_retention_seconds = 300
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "interruptions" {
  queue_url = aws_sqs_queue.interruptions.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "FromItsRules"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.interruptions.arn
        Condition = { ArnEquals = { "aws:SourceArn" = sort([for rule in aws_cloudwatch_event_rule.interruptions : rule.arn]) } }
      },
      {
        Sid       = "TLSAlone"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.interruptions.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_cloudwatch_event_rule" "interruptions" {
  for_each = local.interruptions

  name          = "${var.name}-${each.key}"
  description   = "Tells Karpenter of ${var.name}: ${one(each.value.detail-type)}"
  event_pattern = jsonencode(each.value)
}

resource "aws_cloudwatch_event_target" "interruptions" {
  for_each = aws_cloudwatch_event_rule.interruptions

  rule = each.value.name
  arn  = aws_sqs_queue.interruptions.arn
}

module "karpenter" {
  source = "../pod-role"

  name                     = "${var.name}-karpenter"
  description              = "Karpenter of ${var.name}: starts and ends nodes."
  cluster_name             = aws_eks_cluster.this.name
  namespaces               = ["kube-system"]
  service_account          = "karpenter"
  permissions_boundary_arn = var.permissions_boundary_arn

  policies = {
    nodes = jsonencode(local.karpenter_policy)
  }
}
