# What machines may do: be reached by Session Manager, and join.
locals {
  machines = toset(["control-plane", "worker"])

  join_policies = {
    control-plane = [{
      Sid      = "Join"
      Effect   = "Allow"
      Action   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
      Resource = [aws_secretsmanager_secret.join["control-plane"].arn]
      }, {
      Sid      = "RenewTokens"
      Effect   = "Allow"
      Action   = ["secretsmanager:PutSecretValue"]
      Resource = [for machine in local.machines : aws_secretsmanager_secret.join[machine].arn]
    }]
    worker = [{
      Sid      = "Join"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = [aws_secretsmanager_secret.join["worker"].arn]
    }]
  }
}

# How a machine joins, for two hours at a time. The control plane writes it: it is in no state.
resource "aws_secretsmanager_secret" "join" {
  #checkov:skip=CKV_AWS_149:AWS's own key is meant: the policies of the machines' roles say who reads it
  #checkov:skip=CKV2_AWS_57:The control plane renews it every hour

  for_each = local.machines

  name                    = "${var.name}-join-${each.key}"
  description             = "Token by which a ${each.key} joins ${var.name}"
  recovery_window_in_days = 0
}

resource "aws_iam_role" "this" {
  for_each = local.machines

  name                 = "${var.name}-${each.key}"
  description          = "Machines of the cluster ${var.name}: ${each.key}."
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

resource "aws_iam_instance_profile" "this" {
  for_each = local.machines

  name = "${var.name}-${each.key}"
  role = aws_iam_role.this[each.key].name
}

resource "aws_iam_role_policy" "join" {
  for_each = local.machines

  name   = "join"
  role   = aws_iam_role.this[each.key].name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.join_policies[each.key] })
}

# Of AWS's AmazonSSMManagedInstanceCore what a session needs: that policy reads every parameter of the account, too.
resource "aws_iam_role_policy" "session_manager" {
  #checkov:skip=CKV_AWS_290:AWS knows these permissions for all resources alone
  #checkov:skip=CKV_AWS_355:AWS knows these permissions for all resources alone

  for_each = local.machines

  name = "session-manager"
  role = aws_iam_role.this[each.key].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "OpenSessions"
      Effect = "Allow"
      Action = [
        "ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
      ]
      Resource = ["*"]
    }]
  })
}

resource "aws_iam_role_policy" "node" {
  for_each = { for pair in setproduct(local.machines, keys(var.node_policies)) : join("-", pair) => pair }

  name   = each.value[1]
  role   = aws_iam_role.this[each.value[0]].name
  policy = var.node_policies[each.value[1]]
}
