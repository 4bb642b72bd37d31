using System.CommandLine;
using System.Runtime.InteropServices;
using Cilium.Aws;
using Cilium.ControlPlane.Configuration;
using Cilium.ControlPlane.Operator;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

var schema = OperatorOptionKeys.Create();
var root = new RootCommand("The operator of Cilium for .NET: custom resource definitions, CiliumNodes, pod CIDRs and garbage collection.");
var flags = schema.Keys.Select(key => new Option<string>($"--{key.Key}") { Description = key.Description, Arity = ArgumentArity.ZeroOrOne }).ToList();
flags.ForEach(root.Options.Add);
root.SetAction((result, cancellationToken) => RunAsync(
    flags.Where(flag => result.GetResult(flag) is { Implicit: false })
        .ToDictionary(flag => flag.Name[2..], flag => result.GetValue(flag) ?? "true"),
    cancellationToken));
var crds = new Command("crds", "Print the custom resource definitions as a manifest for kubectl apply.");
crds.SetAction(result =>
{
    result.InvocationConfiguration.Output.WriteLine(CustomResourceDefinitions.ToManifest());
    return 0;
});
root.Subcommands.Add(crds);
return await root.Parse(args).InvokeAsync();

async Task<int> RunAsync(Dictionary<string, string> given, CancellationToken cancellationToken)
{
    try
    {
        var directory = given.GetValueOrDefault(OperatorOptionKeys.ConfigDirectory)
            ?? Environment.GetEnvironmentVariable(ConfigValues.VariableOf(OperatorOptionKeys.ConfigDirectory));
        var options = new OperatorOptions();
        var unused = schema.Bind(
            new ConfigValues(given, Environment.GetEnvironmentVariables(), directory), options, OperatorOptionKeys.Check);
        using var loggers = LoggerFactory.Create(logging => logging
            .SetMinimumLevel(options.Debug ? LogLevel.Debug : LogLevel.Information)
            .AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.UseUtcTimestamp = true;
                console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
                console.ColorBehavior = LoggerColorBehavior.Disabled;
            }));
        if (unused.Count > 0)
        {
            Log.Unused(loggers.CreateLogger("Configuration"), unused.Count, string.Join(", ", unused));
        }

        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            stopping.Cancel();
        });
        using var connection = KubernetesConnection.Open(
            new KubernetesConnectionOptions
            {
                KubeconfigPath = options.KubeconfigPath,
                ServerUrl = options.ApiServerUrl,
                UserAgent = "cilium-operator",
            },
            TimeProvider.System);
        using var cloud = options.Ipam == "eni" ? new Ec2InterfaceCloud(Ec2OptionsOf(options), TimeProvider.System, Random.Shared) : null;
        var candidate = $"{Environment.MachineName}-{Guid.NewGuid().ToString("N")[..10]}";
        await new CiliumOperator(connection, options, candidate, TimeProvider.System, Random.Shared, loggers, cloud).RunAsync(stopping.Token);
        return 0;
    }
    catch (Exception exception) when (exception is ConfigurationException or InvalidOperationException or IOException or KubernetesException
        or Amazon.Runtime.AmazonClientException)
    {
        await Console.Error.WriteLineAsync($"cilium-operator: {exception.Message}");
        return 1;
    }
}

static Ec2Options Ec2OptionsOf(OperatorOptions options) => new()
{
    Endpoint = options.Interfaces.Endpoint,
    CallsPerSecond = options.Interfaces.CallsPerSecond,
    Burst = options.Interfaces.Burst,
    Tags = options.InterfaceGcTags.Concat(options.Interfaces.Tags).DistinctBy(tag => tag.Key).ToDictionary(),
    SubnetIds = options.Interfaces.SubnetIds,
    SubnetTags = options.Interfaces.SubnetTags,
    InstanceTags = options.Interfaces.InstanceTags,
    AsksForLimits = options.Interfaces.AsksForLimits,
};

internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "{Count} keys of the configuration mean nothing to the operator: {Keys}")]
    public static partial void Unused(ILogger logger, int count, string keys);
}
