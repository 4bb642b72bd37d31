using System.CommandLine;
using Cilium.Hubble.Client;
using Cilium.Hubble.Printing;
using Proto = Cilium.Hubble.Proto;

namespace Cilium.Hosts.Hubble;

/// <summary><c>hubble list nodes|namespaces</c>.</summary>
internal static class ListCommand
{
    public static Command Create(ServerOptions server) => new("list", "List Hubble objects") { Nodes(server), Namespaces(server) };

    private static Command Nodes(ServerOptions server)
    {
        var output = new Option<string>("--output", "-o") { Description = "table, wide or json (default table).", DefaultValueFactory = _ => "table" };
        output.AcceptOnlyFromAmong("table", "wide", "json");
        var command = new Command("nodes", "List Hubble nodes") { output };
        command.Aliases.Add("node");
        command.SetAction((arguments, cancellationToken) => CommandErrors.RunConnected(arguments, server, async connection =>
        {
            var deadline = TimeProvider.System.GetUtcNow().UtcDateTime + server.RequestTimeout(arguments);
            var nodes = await new Proto.Observer.ObserverClient(connection.Channel).GetNodesAsync(
                new Proto.GetNodesRequest(), deadline: deadline, cancellationToken: cancellationToken);
            var writer = arguments.InvocationConfiguration.Output;
            if (arguments.GetValue(output) == "json")
            {
                writer.WriteLine($"[{string.Join(',', nodes.Nodes.Select(ProtoJson.Format))}]");
            }
            else
            {
                StatusText.WriteNodes(writer, nodes.Nodes, arguments.GetValue(output) == "wide");
            }
        }, cancellationToken));
        return command;
    }

    private static Command Namespaces(ServerOptions server)
    {
        var output = new Option<string>("--output", "-o") { Description = "table, wide or json (default table).", DefaultValueFactory = _ => "table" };
        output.AcceptOnlyFromAmong("table", "wide", "json");
        var command = new Command("namespaces", "List namespaces with recent flows") { output };
        command.Aliases.Add("namespace");
        command.SetAction((arguments, cancellationToken) => CommandErrors.RunConnected(arguments, server, async connection =>
        {
            var deadline = TimeProvider.System.GetUtcNow().UtcDateTime + server.RequestTimeout(arguments);
            var namespaces = await new Proto.Observer.ObserverClient(connection.Channel).GetNamespacesAsync(
                new Proto.GetNamespacesRequest(), deadline: deadline, cancellationToken: cancellationToken);
            var writer = arguments.InvocationConfiguration.Output;
            if (arguments.GetValue(output) == "json")
            {
                writer.WriteLine($"[{string.Join(',', namespaces.Namespaces.Select(ProtoJson.Format))}]");
                return;
            }

            string[] head = ["NAMESPACE", "CLUSTER"];
            TextTable.Write(writer, [head, .. namespaces.Namespaces.Select(row => new[] { row.Namespace_, row.Cluster })], spacing: 3);
        }, cancellationToken));
        return command;
    }
}
