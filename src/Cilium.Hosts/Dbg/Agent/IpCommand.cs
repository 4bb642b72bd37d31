using System.CommandLine;
using System.Globalization;
using Cilium.Api;
using Cilium.Core;
using Cilium.Hosts.Dbg.Output;
using Cilium.Hubble.Printing;

namespace Cilium.Hosts.Dbg.Agent;

/// <summary><c>cilium-dbg ip list</c>: the agent's ipcache.</summary>
internal static class IpCommand
{
    public static Command Create(AgentOptions agent)
    {
        var output = OutputFormat.Option();
        var verbose = new Option<bool>("--verbose", "-v") { Description = "Print the host and the encryption key." };
        var numeric = new Option<bool>("--numeric", "-n") { Description = "Print numeric identities." };
        var list = new Command("list", "List IP addresses in the userspace IPcache") { output, verbose, numeric };
        list.Aliases.Add("ls");
        list.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            var entries = await agent.Client(arguments).GetAddressesAsync(cancellationToken);
            if (!OutputFormat.TryWrite(arguments, output, entries, ApiJson.Default.IReadOnlyListIpListEntry))
            {
                WriteTable(arguments.InvocationConfiguration.Output, entries, arguments.GetValue(verbose), arguments.GetValue(numeric));
            }
        }));
        return new Command("ip", "Manage IP addresses and associated information") { list };
    }

    /// <summary>The table, by prefix.</summary>
    public static void WriteTable(TextWriter writer, IEnumerable<IpListEntry> entries, bool isVerbose, bool isNumeric)
    {
        string[] head = ["IP", "IDENTITY", "SOURCE"];
        var rows = new List<string[]> { isVerbose ? [.. head, "HOST", "ENCRYPT_KEY"] : head };
        foreach (var entry in entries.OrderBy(entry => Prefix.TryParseAddressOrPrefix(entry.Cidr, out var prefix) ? prefix : default))
        {
            var identity = new Identity((uint)entry.Identity);
            var name = !isNumeric && identity.ReservedName is { } reserved ? $"reserved:{reserved}" : identity.ToString();
            string[] row = [entry.Cidr ?? "", name, entry.Metadata?.Source ?? ""];
            rows.Add(isVerbose ? [.. row, entry.HostIp ?? "", entry.EncryptKey.ToString(CultureInfo.InvariantCulture)] : row);
        }

        TextTable.Write(writer, rows, spacing: 3);
    }
}
