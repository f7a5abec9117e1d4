"""What Airflow's triggerer imports: it reads no files of DAGs. Nothing else of the pipeline imports Airflow."""
