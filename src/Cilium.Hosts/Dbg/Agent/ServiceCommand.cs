using System.CommandLine;
using System.Globalization;
using Cilium.Api;
using Cilium.Hosts.Dbg.Output;
using Cilium.Hubble.Printing;

namespace Cilium.Hosts.Dbg.Agent;

/// <summary><c>cilium-dbg service list</c>.</summary>
internal static class ServiceCommand
{
    public static Command Create(AgentOptions agent)
    {
        var output = OutputFormat.Option();
        var affinity = new Option<bool>("--clustermesh-affinity") { Description = "Print which backends are preferred." };
        var list = new Command("list", "List services") { output, affinity };
        list.Aliases.Add("ls");
        list.SetAction((arguments, cancellationToken) => AgentOptions.Run(arguments, async () =>
        {
            var services = await agent.Client(arguments).GetServicesAsync(cancellationToken);
            if (!OutputFormat.TryWrite(arguments, output, services, ApiJson.Default.IReadOnlyListServiceModel))
            {
                WriteTable(arguments.InvocationConfiguration.Output, services, arguments.GetValue(affinity));
            }
        }));
        return new Command("service", "Manage services & loadbalancers") { list };
    }

    /// <summary>The table: a row for each frontend, and a row more for each further backend.</summary>
    public static void WriteTable(TextWriter writer, IEnumerable<ServiceModel> services, bool withAffinity)
    {
        List<string[]> rows = [["ID", "Frontend", "Service Type", "Backend"]];
        foreach (var service in services.Select(service => service.Status?.Realized ?? service.Spec).OfType<ServiceSpec>().OrderBy(spec => spec.Id))
        {
            var backends = (service.BackendAddresses ?? []).Select((backend, index) => Backend(backend, index + 1, withAffinity)).ToArray();
            var frontend = service.FrontendAddress;
            rows.Add(
            [
                service.Id.ToString(CultureInfo.InvariantCulture), Address(frontend?.Ip, frontend?.Port ?? 0, frontend?.Protocol),
                service.Flags?.Type ?? "", backends.FirstOrDefault(""),
            ]);
            rows.AddRange(backends.Skip(1).Select(backend => new[] { "", "", "", backend }));
        }

        TextTable.Write(writer, rows, spacing: 3);
    }

    private static string Backend(BackendAddress backend, int number, bool withAffinity)
    {
        var preferred = withAffinity && backend.Preferred == true ? " (preferred)" : "";
        return string.Create(
            CultureInfo.InvariantCulture, $"{number} => {Address(backend.Ip, backend.Port, backend.Protocol)} ({backend.State ?? "active"}){preferred}");
    }

    private static string Address(string? address, int port, string? protocol)
    {
        var host = address?.Contains(':', StringComparison.Ordinal) == true ? $"[{address}]" : address;
        var suffix = string.IsNullOrEmpty(protocol) ? "" : $"/{protocol.ToUpperInvariant()}";
        return string.Create(CultureInfo.InvariantCulture, $"{host}:{port}{suffix}");
    }
}
