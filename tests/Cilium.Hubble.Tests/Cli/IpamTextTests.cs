using System.Text.Json;
using Cilium.Core;
using Cilium.Hosts.Cli;
using Cilium.Ipam;
using Cilium.Kubernetes;

namespace Cilium.Hubble.Tests.Cli;

public sealed class IpamTextTests
{
    [Fact]
    public void A_clean_check_says_so()
    {
        var text = Print(new AddressReport(new ClusterAddresses { Mode = "multi-pool" }, []), isJson: false);

        Assert.Equal("Checked 0 nodes, 0 pods and 0 endpoints (ipam multi-pool).\nNo address or CIDR is leaked, owned twice or outside its pool.\n", text);
    }

    [Fact]
    public void Findings_are_told_with_what_became_of_them()
    {
        var repaired = new CheckedFinding(new AddressFinding(AddressFault.LeakedAddress, "10.0.0.1", "default/gone", "leaked", AddressRepair.DeleteEndpoint), true);
        var left = new CheckedFinding(new AddressFinding(AddressFault.SharedAddress, "10.0.0.2", "default/a", "shared"), false);
        var report = new AddressReport(new ClusterAddresses { Mode = "cluster-pool" }, [repaired, left]);

        Assert.False(report.IsClean);
        Assert.EndsWith("repaired: leaked\nwrong: shared\n2 wrong, 1 repaired, 1 left.\n", Print(report, isJson: false), StringComparison.Ordinal);
        var json = JsonDocument.Parse(Print(report, isJson: true)).RootElement.GetProperty("findings");
        Assert.Equal(["leaked-address", "shared-address"], json.EnumerateArray().Select(finding => finding.GetProperty("fault").GetString()));
        Assert.True(json[0].GetProperty("repaired").GetBoolean());
    }

    [Fact]
    public void A_plan_shows_what_serves_what_drains_and_who_is_left()
    {
        var plan = new PoolPlan
        {
            Pool = "default",
            Cidrs = [new PlannedCidr(Prefix.Parse("10.0.0.0/16"), PoolCidrState.Draining, 2, 5), new PlannedCidr(Prefix.Parse("10.1.0.0/16"), PoolCidrState.Added, 0, 0)],
            Draining = [new DrainingHolding("a", Prefix.Parse("10.0.0.0/24"), ["ns/1", "ns/2", "ns/3", "ns/4"])],
            HasChange = true,
        };
        using var output = new StringWriter { NewLine = "\n" };
        IpamText.Write(output, plan, isJson: false);

        Assert.Equal(
            """
            Pool default
              - 10.0.0.0/16          gives nothing more, nodes hold 2 CIDRs with 5 addresses in use
              + 10.1.0.0/16          gives, nodes hold 0 CIDRs with 0 addresses in use
              node a: 10.0.0.0/24 goes when nobody has an address of it: now ns/1, ns/2, ns/3 and 1 more

            """,
            output.ToString());
    }

    private static string Print(AddressReport report, bool isJson)
    {
        using var output = new StringWriter { NewLine = "\n" };
        IpamText.Write(output, report, isJson);
        return output.ToString();
    }
}
