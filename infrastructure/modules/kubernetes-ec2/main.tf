# A Kubernetes of one's own on EC2, in private subnets. Each machine sets itself up: its user data brings the roles of
# infrastructure/ansible, and cloud-init runs them.
data "aws_region" "this" {}

# What an autoscaling group starts has the provider's tags by no other way.
data "aws_default_tags" "this" {}

locals {
  ansible = "${path.module}/../../ansible"
  roles   = setunion(fileset(local.ansible, "*.yml"), fileset(local.ansible, "{group_vars,roles}/**"))

  cluster = {
    cluster_name             = var.name
    cluster_endpoint         = "${aws_lb.api.dns_name}:6443"
    cluster_control_planes   = var.control_plane_count
    cluster_region           = data.aws_region.this.id
    cluster_worker_secret_id = aws_secretsmanager_secret.join["worker"].arn
  }
  this_machine = { ansible_connection = "local" }

  inventories = {
    first = { control_plane = {
      hosts = { localhost = merge(local.this_machine, { control_plane_first = true }) }
      vars  = merge(local.cluster, { cluster_join_secret_id = aws_secretsmanager_secret.join["control-plane"].arn })
    } }
    further = { control_plane = {
      hosts = { localhost = local.this_machine }
      vars  = merge(local.cluster, { cluster_join_secret_id = aws_secretsmanager_secret.join["control-plane"].arn })
    } }
    worker = { workers = {
      hosts = { localhost = local.this_machine }
      vars  = merge(local.cluster, { cluster_join_secret_id = aws_secretsmanager_secret.join["worker"].arn })
    } }
  }

  cloud_config = { for machine, inventory in local.inventories : machine => join("\n", ["#cloud-config", yamlencode({
    # By HTTPS: the security group lets nothing else out.
    apt = {
      primary  = [{ arches = ["default"], uri = "https://deb.debian.org/debian" }]
      security = [{ arches = ["default"], uri = "https://deb.debian.org/debian-security" }]
    }
    package_update = true
    packages       = ["ansible-core"]
    write_files = concat(
      [for file in local.roles : { path = "/opt/cluster/${file}", content = file("${local.ansible}/${file}") }],
      [
        { path = "/etc/cluster/inventory.yaml", content = yamlencode(inventory) },
        { path = "/usr/local/sbin/cluster-play", content = file("${path.module}/cluster-play"), permissions = "0755" },
      ],
    )
    runcmd = [["/usr/local/sbin/cluster-play", "node"]]
  })]) }

  # EC2 takes 16 KiB; cloud-init unpacks what is packed.
  user_data = { for machine, config in local.cloud_config : machine => base64gzip(config) }
}
