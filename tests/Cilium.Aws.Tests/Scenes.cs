using Amazon.Runtime;
using Cilium.Aws.Tests.Ec2;
using Cilium.Core;

namespace Cilium.Aws.Tests;

/// <summary>A VPC with three subnets, and clients of its endpoint that do not wait long.</summary>
internal static class Scenes
{
    public const string Zone = "eu-1a";

    public static Ec2Model Model(int length = 24)
    {
        var model = new Ec2Model();
        model.Networks["vpc-1"] = [Prefix.Parse("10.0.0.0/16"), Prefix.Parse("10.1.0.0/16")];
        foreach (var (id, cidr, zone, tags) in new[]
        {
            ("subnet-a", "10.0.0.0/24", Zone, new Dictionary<string, string>()),
            ("subnet-b", $"10.0.1.0/{length}", Zone, new Dictionary<string, string> { ["for"] = "pods" }),
            ("subnet-far", "10.0.2.0/24", "eu-1b", new Dictionary<string, string> { ["for"] = "pods" }),
        })
        {
            model.Subnets[id] = new Ec2Subnet(id, "vpc-1", zone, Prefix.Parse(cidr), tags);
        }

        model.Groups.Add(new Ec2Group("sg-1", "vpc-1", []));
        model.Groups.Add(new Ec2Group("sg-2", "vpc-1", new() { ["for"] = "pods" }));
        return model;
    }

    public static void Start(Ec2Model model, int number, string type = "m5.large") =>
        model.Start(new Ec2Instance($"i-{number}", type, "vpc-1", Zone, []), "subnet-a", null, "sg-1");

    public static Ec2InterfaceCloud Cloud(Ec2Endpoint endpoint, Func<Ec2Options, Ec2Options>? change = null)
    {
        var options = new Ec2Options
        {
            Endpoint = endpoint.Url,
            CallsPerSecond = 100_000,
            Burst = 1000,
            RetryMinimum = TimeSpan.FromMilliseconds(1),
            RetryMaximum = TimeSpan.FromMilliseconds(4),
            Tags = new Dictionary<string, string> { ["io.cilium/cilium-managed"] = "true", ["io.cilium/cluster-name"] = "default" },
        };
        return new Ec2InterfaceCloud(change?.Invoke(options) ?? options, TimeProvider.System, Random.Shared, new BasicAWSCredentials("key", "secret"));
    }
}
