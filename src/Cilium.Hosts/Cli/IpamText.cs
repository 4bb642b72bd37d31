using System.Globalization;
using System.Text;
using System.Text.Json;
using Cilium.Ipam;
using Cilium.Kubernetes;

namespace Cilium.Hosts.Cli;

/// <summary>Reports about addresses and plans for pools, for people and for programs.</summary>
internal static class IpamText
{
    private const int OwnersShown = 3;

    public static void Write(TextWriter writer, AddressReport report, bool isJson)
    {
        if (isJson)
        {
            writer.WriteLine(Json(json => WriteReport(json, report)));
            return;
        }

        var addresses = report.Addresses;
        writer.WriteLine(Invariant($"Checked {addresses.Nodes.Count} nodes, {addresses.Pods.Count} pods and {addresses.Endpoints.Count} endpoints (ipam {addresses.Mode})."));
        if (report.Findings.Count == 0)
        {
            writer.WriteLine("No address or CIDR is leaked, owned twice or outside its pool.");
            return;
        }

        foreach (var (finding, isRepaired) in report.Findings)
        {
            var mark = isRepaired ? "repaired" : finding.Repair == AddressRepair.None ? "wrong" : "wrong, --repair helps";
            writer.WriteLine($"{mark}: {finding.Text}");
        }

        var left = report.Findings.Count(finding => !finding.IsRepaired);
        writer.WriteLine(Invariant($"{report.Findings.Count} wrong, {report.Findings.Count - left} repaired, {left} left."));
    }

    public static void Write(TextWriter writer, PoolPlan plan, bool isJson)
    {
        if (isJson)
        {
            writer.WriteLine(Json(json => WritePlan(json, plan)));
            return;
        }

        writer.WriteLine($"Pool {plan.Pool}");
        foreach (var cidr in plan.Cidrs)
        {
            var sign = cidr.State switch { PoolCidrState.Added => "+", PoolCidrState.Draining => "-", _ => " " };
            var state = cidr.State switch { PoolCidrState.Added => "gives", PoolCidrState.Draining => "gives nothing more", _ => "gives" };
            writer.WriteLine(Invariant($"  {sign} {cidr.Cidr,-20} {state}, nodes hold {cidr.Blocks} CIDRs with {cidr.Addresses} addresses in use"));
        }

        foreach (var holding in plan.Draining)
        {
            var owners = string.Join(", ", holding.Owners.Take(OwnersShown)) + (holding.Owners.Count > OwnersShown ? Invariant($" and {holding.Owners.Count - OwnersShown} more") : "");
            writer.WriteLine($"  node {holding.Node}: {holding.Cidr} goes {(holding.Owners.Count == 0 ? "at once" : $"when nobody has an address of it: now {owners}")}");
        }

        foreach (var warning in plan.Warnings)
        {
            writer.WriteLine($"Warning: {warning}");
        }

        foreach (var problem in plan.Problems)
        {
            writer.WriteLine($"Refused: {problem}");
        }

        if (plan.Problems.Count == 0 && !plan.HasChange)
        {
            writer.WriteLine("Nothing to change.");
        }
    }

    private static void WriteReport(Utf8JsonWriter json, AddressReport report)
    {
        json.WriteString("mode", report.Addresses.Mode);
        json.WriteNumber("nodes", report.Addresses.Nodes.Count);
        json.WriteNumber("pods", report.Addresses.Pods.Count);
        json.WriteNumber("endpoints", report.Addresses.Endpoints.Count);
        json.WriteStartArray("findings");
        foreach (var (finding, isRepaired) in report.Findings)
        {
            json.WriteStartObject();
            json.WriteString("fault", NameOf(finding.Fault));
            json.WriteString("subject", finding.Subject);
            json.WriteString("holder", finding.Holder);
            json.WriteString("text", finding.Text);
            json.WriteBoolean("repairable", finding.Repair != AddressRepair.None);
            json.WriteBoolean("repaired", isRepaired);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WritePlan(Utf8JsonWriter json, PoolPlan plan)
    {
        json.WriteString("pool", plan.Pool);
        json.WriteBoolean("changes", plan.HasChange);
        json.WriteStartArray("cidrs");
        foreach (var cidr in plan.Cidrs)
        {
            json.WriteStartObject();
            json.WriteString("cidr", cidr.Cidr.ToString());
            json.WriteString("state", cidr.State switch { PoolCidrState.Added => "added", PoolCidrState.Draining => "draining", _ => "kept" });
            json.WriteNumber("blocks", cidr.Blocks);
            json.WriteNumber("addresses", cidr.Addresses);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("draining");
        foreach (var holding in plan.Draining)
        {
            json.WriteStartObject();
            json.WriteString("node", holding.Node);
            json.WriteString("cidr", holding.Cidr.ToString());
            WriteTexts(json, "owners", holding.Owners);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteTexts(json, "warnings", plan.Warnings);
        WriteTexts(json, "problems", plan.Problems);
    }

    private static string NameOf(AddressFault fault) => fault switch
    {
        AddressFault.SharedAddress => "shared-address",
        AddressFault.ForeignAddress => "foreign-address",
        AddressFault.LeakedAddress => "leaked-address",
        AddressFault.DifferingAddress => "differing-address",
        AddressFault.SharedCidr => "shared-cidr",
        AddressFault.ForeignCidr => "foreign-cidr",
        _ => "leaked-cidr",
    };

    private static void WriteTexts(Utf8JsonWriter json, string name, IReadOnlyList<string> texts)
    {
        json.WriteStartArray(name);
        foreach (var text in texts)
        {
            json.WriteStringValue(text);
        }

        json.WriteEndArray();
    }

    private static string Json(Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
