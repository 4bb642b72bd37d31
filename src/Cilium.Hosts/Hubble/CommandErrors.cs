using System.CommandLine;
using Cilium.Hubble.Filters;
using Google.Protobuf;
using Grpc.Core;

namespace Cilium.Hosts.Hubble;

/// <summary>Runs the body of a command and turns what went wrong into one line on the error output and exit code 1.</summary>
internal static class CommandErrors
{
    public static async Task<int> Run(ParseResult arguments, Func<Task> body)
    {
        try
        {
            await body();
            return 0;
        }
        catch (Exception error) when (error is FlowFilterException or FormatException or IOException or InvalidProtocolBufferException or UnauthorizedAccessException)
        {
            arguments.InvocationConfiguration.Error.WriteLine(error.Message);
            return 1;
        }
    }

    public static async Task<int> RunConnected(
        ParseResult arguments, ServerOptions server, Func<ServerConnection, Task> body, CancellationToken cancellationToken)
    {
        var code = 0;
        var outer = await Run(arguments, async () =>
        {
            using var connection = server.Connect(arguments);
            try
            {
                await body(connection);
            }
            catch (RpcException error) when (error.StatusCode == StatusCode.Cancelled && cancellationToken.IsCancellationRequested)
            {
                code = 0;
            }
            catch (RpcException error)
            {
                arguments.InvocationConfiguration.Error.WriteLine(connection.Explain(error));
                code = 1;
            }
        });
        return Math.Max(code, outer);
    }
}
